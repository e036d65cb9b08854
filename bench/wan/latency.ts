/**
 * One round of latencies of Synod and of etcd under the same distances: one client, one request at a time, at its own
 * region's gateway or member. Used by `npm run bench:wan`.
 */
import type { Cluster } from "../../scripts/runtime/cluster.ts";
import { leaderAt, urlOf } from "../../test/processes/support/gateway.ts";
import type { EtcdCluster } from "./etcd.ts";
import { Probe, type Question } from "./probe.ts";
import type { Samples } from "./samples.ts";

const warmUps = 3;
const value = "hello";
const base64 = (text: string): string => Buffer.from(text).toString("base64");

async function measure(count: number, question: (index: number) => Question): Promise<readonly number[]> {
  const probe = new Probe();
  try {
    await probe.times(warmUps, question);
    return await probe.times(count, (index) => question(index + warmUps));
  } finally {
    probe.close();
  }
}

/** Waits for what the last writes still send to the other regions: nothing is to be in flight. */
const quiet = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1_000));

export interface Round {
  readonly cluster: Cluster;
  readonly samples: Samples;
  readonly round: number;
  /** Of each kind. */
  readonly count: number;
}

/** A namespace of its own, which its first writer leads; too briefly written to for leadership to move. */
export async function synodWrites({ cluster, samples, round, count }: Round, from: string, leader: string) {
  const namespace = `w-${leader}-${from}-${round}`;
  await new Probe().time({ method: "PUT", url: `${urlOf(cluster, leader)}/ns/${namespace}/kv/a`, body: value });
  const url = `${urlOf(cluster, from)}/ns/${namespace}/kv/a`;
  samples.add(`synod write ${from} ${leader}`, await measure(count, () => ({ method: "PUT", url, body: value })));
  const found = await leaderAt(`${urlOf(cluster, from)}/ns/${namespace}`);
  if (found !== leader) throw new Error(`${found} leads ${namespace}: what was measured is something else`);
}

export async function synodReads({ cluster, samples, round, count }: Round, from: string): Promise<void> {
  const namespace = `r-${from}-${round}`;
  const base = `${urlOf(cluster, from)}/ns/${namespace}`;
  await new Probe().time({ method: "PUT", url: `${base}/kv/a`, body: value });
  await quiet();
  const read = (query: string) => (): Question => ({ method: "GET", url: `${base}/kv/a${query}` });
  samples.add(`synod read ${from}`, await measure(count, read("")));
  samples.add(`synod local ${from}`, await measure(count, read("?consistency=local")));
  const decide = (index: number): Question => ({ method: "PUT", url: `${base}/decisions/${index}`, body: value });
  samples.add(`synod decision ${from}`, await measure(count, decide));
}

export async function etcdRound(
  etcd: EtcdCluster,
  samples: Samples,
  count: number,
  from: string,
  leader: string,
): Promise<void> {
  const ask = (path: string, body: object) => (): Question => ({
    method: "POST",
    url: `${etcd.url(from)}/v3/kv/${path}`,
    body: JSON.stringify({ key: base64("a"), ...body }),
  });
  samples.add(`etcd write ${from} ${leader}`, await measure(count, ask("put", { value: base64(value) })));
  samples.add(`etcd read ${from} ${leader}`, await measure(count, ask("range", {})));
  samples.add(`etcd local ${from}`, await measure(count, ask("range", { serializable: true })));
}
