/**
 * Five members of the real etcd, from the Debian package, each with a data directory of its own, behind the delays of
 * `peer-proxies.ts`. Its clients talk to their own region's member directly. Timeouts stretched to the matrix as etcd's own
 * tuning guide asks (the heartbeat about one round trip, the election ten of them). Used by `npm run bench:wan`.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RoundTrips } from "../../scripts/links/round-trips.ts";
import { findPort } from "../../scripts/runtime/ports.ts";
import { Keeper } from "../../scripts/runtime/keeping.ts";
import { eventually } from "../../test/processes/support/gateway.ts";
import { PeerProxies } from "./peer-proxies.ts";

export const heartbeatMs = 300;
export const electionMs = 3_000;

interface Member {
  readonly region: string;
  readonly url: string;
  readonly peerPort: number;
  readonly proxyPort: number;
}

export interface EtcdCluster {
  readonly proxies: PeerProxies;
  url(region: string): string;
  /** The region whose member leads. */
  leader(): Promise<string>;
  /** Hands leadership over, and waits until all members know. */
  lead(region: string): Promise<void>;
  stop(): Promise<void>;
}

/** @returns the version, or null where etcd is not installed. */
export function installedEtcd(): string | null {
  const { stdout, error } = spawnSync("etcd", ["--version"], { encoding: "utf8" });
  return error === undefined ? (/etcd Version: (\S+)/.exec(stdout)?.[1] ?? null) : null;
}

export async function startEtcdCluster(regions: readonly string[], roundTrips: RoundTrips): Promise<EtcdCluster> {
  const directory = mkdtempSync(join(tmpdir(), "synod-wan-etcd-"));
  const proxies = new PeerProxies(roundTrips);
  const undo: (() => void | Promise<void>)[] = [() => rmSync(directory, { recursive: true, force: true })];
  let stopping: Promise<void> | undefined;
  const undoAll = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  const stop = async (): Promise<void> => (stopping ??= undoAll());
  try {
    const keeper = await Keeper.lock(join(directory, "lock"), directory);
    undo.push(() => keeper.release());
    undo.push(() => proxies.close());
    const members: Member[] = [];
    for (const region of regions) {
      const [clientPort, peerPort] = [await findPort(), await findPort()];
      const proxyPort = await proxies.listen(region, peerPort);
      members.push({ region, url: `http://127.0.0.1:${clientPort}`, peerPort, proxyPort });
    }
    for (const member of members) undo.push(launch(member, members, directory, keeper));
    const url = (region: string): string => members.find((one) => one.region === region)?.url ?? "";
    for (const member of members) {
      await eventually(`etcd in ${member.region}`, async () => ((await status(member.url)) === null ? null : true));
    }
    const ids = new Map((await memberIds(members[0]?.url ?? "")).map(({ name, ID }) => [name, ID]));
    proxies.delay(new Map([...ids].map(([region, id]) => [BigInt(id).toString(16), region])));
    const leaderSeenBy = async (member: Member): Promise<string | null> => {
      const leader = (await status(member.url))?.leader;
      return members.find(({ region }) => ids.get(region) === leader)?.region ?? null;
    };
    const everybodySees = async (region?: string): Promise<string> =>
      eventually(`one leader of etcd${region === undefined ? "" : ` in ${region}`}`, async () => {
        const seen = new Set(await Promise.all(members.map(leaderSeenBy)));
        const [leader = null] = seen;
        return seen.size === 1 && leader !== null && (region ?? leader) === leader ? leader : null;
      });
    const lead = async (region: string): Promise<void> => {
      const leader = await everybodySees();
      if (leader === region) return;
      await post(`${url(leader)}/v3/maintenance/transfer-leadership`, { targetID: ids.get(region) });
      await everybodySees(region);
    };
    return { proxies, url, leader: () => everybodySees(), lead, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @returns what ends it. */
function launch(member: Member, members: readonly Member[], directory: string, keeper: Keeper): () => Promise<void> {
  const data = join(directory, member.region);
  mkdirSync(data, { mode: 0o700 });
  const advertised = (one: Member): string => `http://127.0.0.1:${one.proxyPort}`;
  const flags = {
    name: member.region,
    "data-dir": data,
    "listen-client-urls": member.url,
    "advertise-client-urls": member.url,
    "listen-peer-urls": `http://127.0.0.1:${member.peerPort}`,
    "initial-advertise-peer-urls": advertised(member),
    "initial-cluster": members.map((one) => `${one.region}=${advertised(one)}`).join(","),
    "heartbeat-interval": heartbeatMs,
    "election-timeout": electionMs,
    "log-level": "error",
    logger: "zap",
  };
  const given = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const child = spawn("etcd", given, { stdio: "ignore", detached: true });
  // What could not be started shows in nobody answering.
  child.on("error", () => undefined);
  const { pid } = child;
  if (pid === undefined) throw new Error("etcd cannot be started");
  keeper.keep(pid);
  const ended = once(child, "close").then(() => keeper.forget(pid));
  return async () => {
    child.kill("SIGKILL");
    await ended;
  };
}

async function post(url: string, body: unknown): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST",
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const said: unknown = await response.json();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${JSON.stringify(said)}`);
  return said;
}

const status = async (url: string): Promise<{ readonly leader?: string } | null> =>
  post(`${url}/v3/maintenance/status`, {})
    .then((said) => said as { readonly leader?: string })
    .catch(() => null);

const memberIds = async (url: string): Promise<readonly { readonly name: string; readonly ID: string }[]> =>
  ((await post(`${url}/v3/cluster/member/list`, {})) as { members: { name: string; ID: string }[] }).members;
