/** How cost grows with the keys of a store, in the real runtime: latencies turn about, database size, cold start. */
import { Client, inTurn } from "../cost/client.ts";
import { printTable } from "../report.ts";
import { fill, mib, ms, ratios, residentMiB, sizesOf, timed, turnAbout } from "./ground.ts";
import type { Ground } from "./ground.ts";

export async function keys({ start, quick }: Ground): Promise<void> {
  const sizes = quick ? [1_000, 10_000] : [10_000, 100_000, 1_000_000];
  const rounds = quick ? 20 : 300;
  const rows: (readonly string[])[] = [["keys", ...sizes.map((size) => size.toLocaleString("en"))]];
  let synod = await start("keys");
  const clients = (): readonly Client[] => sizes.map((size) => new Client(synod.url, `keys-${size}`));
  const filled: number[] = [];
  const resident: number[] = [];
  for (const [at, client] of clients().entries()) {
    filled.push(await timed(async () => fill(client, sizes[at] ?? 0)));
    resident.push(residentMiB(synod));
  }
  // Spread over all keys: a step that is prime to each size.
  const keyIn = (size: number, round: number): string => `key-${(round * 7_919) % size}`;
  const work: readonly (readonly [string, (client: Client, key: string) => Promise<unknown>])[] = [
    ["put, one client, ms (ratio)", async (client, key) => client.put(key, "0123456789abcdef")],
    ["get, linearizable", async (client, key) => client.get(key)],
    ["get, local", async (client, key) => client.get(key, "?consistency=local")],
  ];
  for (const [title, one] of work) {
    const times = await turnAbout(
      rounds,
      clients().map((client, at) => async (round) => one(client, keyIn(sizes[at] ?? 1, round + 1))),
    );
    rows.push([title, ...ratios(times)]);
  }
  rows.push(["filling, keys a second", ...filled.map((time, at) => (((sizes[at] ?? 0) / time) * 1_000).toFixed(0))]);
  const weighed = await Promise.all(sizes.map(async (size) => sizesOf(synod, `keys-${size}`)));
  rows.push(["a replica's database, MiB", ...weighed.map(({ replica }) => mib(replica))]);
  rows.push(["an acceptor's database, MiB", ...weighed.map(({ acceptor }) => mib(acceptor))]);
  rows.push(["resident memory after filling it (and those before), MiB", ...resident.map((n) => n.toFixed(0))]);
  await synod.single.stop();

  const starts = quick ? 1 : 5;
  const cold = sizes.map((): number[] => []);
  await inTurn(starts, async () => {
    synod = await start("keys");
    await new Client(synod.url, "other").put("warm");
    for (const [at, client] of clients().entries())
      cold[at]?.push(await timed(async () => client.get("key-1", "?consistency=local")));
    await synod.single.stop();
  });
  rows.push([
    `first local get of a replica after a restart, median of ${starts}, ms`,
    ...cold.map((times) => ms(times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0)),
  ]);
  printTable(rows);
}
