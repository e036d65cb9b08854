/**
 * Synod as its users start it: `npm run cluster`, three regions in processes of their own and the links in a fourth, and
 * `npm start`, everything in one. Started by `bench/main.ts`; ended with its resources.
 */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { eventually, leaderAt } from "../../test/processes/support/gateway.ts";
import type { Resources } from "./resources.ts";
import type { System } from "./system.ts";
import { treesOf } from "./usage.ts";

const script = (name: string): string => fileURLToPath(new URL(`../../scripts/${name}.ts`, import.meta.url));

export async function startSynodCluster(resources: Resources): Promise<System> {
  const flags = ["--base-port", "0", "--data", resources.subdirectory("cluster")];
  const child = resources.spawn(
    process.execPath,
    [script("cluster"), ...flags],
    ["ignore", "pipe", "inherit"],
    "SIGINT",
  );
  if (child.stdout === null || child.pid === undefined) throw new Error("the cluster has no output");
  const regions: { readonly region: string; readonly url: string; readonly pid: number }[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as (typeof regions)[number] | { readonly ready: true };
    if ("ready" in said) break;
    regions.push(said);
  }
  if (regions.length === 0) throw new Error("the cluster has ended");
  child.stdout.resume();
  const gateways = regions.map(({ url }) => url);
  const first = gateways[0] ?? "";
  await fetch(`${first}/kv/bench`, { method: "PUT", body: "hello" });
  await leaderAt(first);
  const roots = [{ role: "links", pid: child.pid }, ...regions.map(({ region, pid }) => ({ role: region, pid }))];
  return { name: "Synod", language: "synod", gateways, roots };
}

export async function startSynodSingle(resources: Resources): Promise<System> {
  const flags = ["--port", "0", "--data", resources.subdirectory("single")];
  const child = resources.spawn(process.execPath, [script("start"), ...flags], ["ignore", "pipe", "inherit"], "SIGINT");
  if (child.stdout === null || child.pid === undefined) throw new Error("npm start has no output");
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([once(lines, "line"), once(child, "close")])) as [unknown];
  const url = /http:\S+/.exec(String(line))?.[0];
  if (url === undefined) throw new Error("npm start has ended");
  await eventually("npm start", async () =>
    (await fetch(`${url}/kv/bench`, { method: "PUT", body: "hello" })).ok ? true : null,
  );
  const launcher = child.pid;
  const roots = treesOf([launcher]).map(({ pid }) => ({ role: pid === launcher ? "launcher" : "runtime", pid }));
  return { name: "npm start", language: "synod", gateways: [url], roots };
}
