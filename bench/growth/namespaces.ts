/** How cost grows with the namespaces in use, in the real runtime: the same 64 clients spread over more of them. */
import { Client, together } from "../cost/client.ts";
import { printTable } from "../report.ts";
import { residentMiB, timed, turnAbout, ratios } from "./ground.ts";
import type { Ground } from "./ground.ts";

export async function namespaces({ start, quick }: Ground): Promise<void> {
  const counts = quick ? [1, 4] : [1, 4, 16, 64];
  const synod = await start("namespaces");
  const founded: number[] = [];
  const resident: number[] = [];
  const clients: Client[] = [];
  for (const count of counts) {
    const fresh = Array.from({ length: count - clients.length }, (_, n) => {
      return new Client(synod.url, `n-${clients.length + n}`);
    });
    const took = await timed(async () => {
      for (const client of fresh) await client.put("first");
    });
    founded.push(took / fresh.length);
    clients.push(...fresh);
    resident.push(residentMiB(synod));
  }
  const times = await turnAbout(
    quick ? 3 : 20,
    counts.map((count) => async (round) => together(64, async (at) => clients[at % count]?.put(`k-${at}-${round}`))),
  );
  printTable([
    ["namespaces", ...counts.map(String)],
    ["64 puts at once, ms (ratio)", ...ratios(times)],
    ["the first write of one, with founding, ms", ...founded.map((n) => n.toFixed(1))],
    ["resident memory, MiB", ...resident.map((n) => n.toFixed(0))],
  ]);
  await synod.single.stop();
}
