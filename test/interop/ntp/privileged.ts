/**
 * What knows port 123 only: run inside a namespace of the network's own, where the port is free for everybody and nobody
 * outside is reached. Prints one JSON object. Started by `inNamespace`, never by hand.
 */
import { spawnSync } from "node:child_process";
import { servedSynod } from "../../support/served.ts";
import { startBridge } from "./stage.ts";
import { askBridge, ntpdateQuery, ntpdig, run } from "./tools.ts";

export interface Privileged {
  readonly ntpdig: Awaited<ReturnType<typeof ntpdig>>;
  readonly ntpdate: Awaited<ReturnType<typeof ntpdateQuery>>;
  readonly claimedMs: number | null;
}

const marker = "--inside";

/** @returns why this kernel gives no such namespace, or null. */
export function noNamespace(): string | null {
  const tried = spawnSync("unshare", ["-Urn", "sh", "-c", "PATH=$PATH:/usr/sbin:/sbin ip link set lo up"], {
    encoding: "utf8",
  });
  if (tried.status === 0) return null;
  return `no network namespace of our own: ${tried.error?.message ?? tried.stderr.trim()}`;
}

export async function inNamespace(): Promise<Privileged> {
  const inside = `PATH=$PATH:/usr/sbin:/sbin ip link set lo up && exec "$0" "$1" ${marker}`;
  const ran = await run("unshare", ["-Urn", "sh", "-c", inside, process.execPath, import.meta.filename], 90_000);
  const line = ran.output.split("\n").find((one) => one.startsWith('{"ntpdig"'));
  if (line === undefined) throw new Error(`nothing came out of the namespace:\n${ran.output}`);
  return JSON.parse(line) as Privileged;
}

async function judge(): Promise<Privileged> {
  const synod = await servedSynod();
  const bridge = await startBridge(synod.url, 123);
  try {
    await bridge.says("synod: synchronised");
    const dug = await ntpdig();
    const dated = await ntpdateQuery();
    return { ntpdig: dug, ntpdate: dated, claimedMs: (await askBridge(123))?.claimedMs ?? null };
  } finally {
    await bridge.stop();
    await synod.stop();
  }
}

if (process.argv[2] === marker) process.stdout.write(`${JSON.stringify(await judge())}\n`);
