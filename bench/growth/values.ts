/** How cost grows with the size of values, in the real runtime. */
import { Client } from "../cost/client.ts";
import { printTable } from "../report.ts";
import { ratios, turnAbout } from "./ground.ts";
import type { Ground } from "./ground.ts";

export async function values({ start, quick }: Ground): Promise<void> {
  const sizes = quick ? [16, 4_096] : [16, 256, 4_096, 65_536, 262_144];
  const synod = await start("values");
  const client = new Client(synod.url, "values");
  const rounds = quick ? 10 : 100;
  const puts = await turnAbout(
    rounds,
    sizes.map((size) => async () => client.put(`v-${size}`, "v".repeat(size))),
  );
  const gets = await turnAbout(
    rounds,
    sizes.map((size) => async () => client.get(`v-${size}`)),
  );
  const local = await turnAbout(
    rounds,
    sizes.map((size) => async () => client.get(`v-${size}`, "?consistency=local")),
  );
  printTable([
    ["bytes of a value", ...sizes.map((size) => size.toLocaleString("en"))],
    ["put, one client, ms (ratio)", ...ratios(puts)],
    ["get, linearizable", ...ratios(gets)],
    ["get, local", ...ratios(local)],
  ]);
  await synod.single.stop();
}
