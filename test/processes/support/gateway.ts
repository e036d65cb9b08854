/**
 * A cluster's gateways as its clients see them: requests that never wait for ever, and what became of a write. Used by the
 * survival tests and by the benchmarks that kill regions; knows HTTP and nothing behind it.
 */
import type { Cluster } from "../../../scripts/runtime/cluster.ts";

/** A client gives up after this long: twice what is promised, so that an answer in time is never missed. */
const patienceMs = 10_000;

/** What the writer of a key may know afterwards (SPEC U1). */
export type Told =
  | { readonly type: "acknowledged"; readonly revision: number }
  | { readonly type: "not-applied" }
  | { readonly type: "unknown" };

export interface Status {
  readonly leader: string | null;
  readonly acceptors: readonly {
    readonly region: string;
    readonly reachable: boolean;
    readonly identity?: string;
    readonly promised?: { readonly round: number } | null;
    readonly lastVoted?: number;
  }[];
  readonly replicas: readonly {
    readonly region: string;
    readonly reachable: boolean;
    readonly applied?: number;
    readonly digest?: string;
    readonly halted?: string;
  }[];
  readonly warnings: readonly string[];
}

export function urlOf(cluster: Cluster, region: string): string {
  const found = cluster.regions.find((one) => one.region === region);
  if (found === undefined) throw new Error(`no region ${region}`);
  return found.url;
}

export async function ask(url: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { ...init, signal: AbortSignal.timeout(patienceMs) });
}

export const put = async (url: string, body: string): Promise<Response> => ask(url, { method: "PUT", body });

export async function putKey(gateway: string, key: string, value: string): Promise<Told> {
  try {
    const response = await put(`${gateway}/kv/${key}`, value);
    const said = (await response.json()) as { readonly revision?: number; readonly outcome?: string };
    if (response.ok && said.revision !== undefined) return { type: "acknowledged", revision: said.revision };
    return { type: said.outcome === "not-applied" ? "not-applied" : "unknown" };
  } catch (error) {
    // Nobody listened: nothing was sent. Whatever else went wrong may have gone wrong on the way back.
    const { cause } = error as { readonly cause?: { readonly code?: string } };
    return { type: cause?.code === "ECONNREFUSED" ? "not-applied" : "unknown" };
  }
}

export async function statusOf(gateway: string, query = ""): Promise<Status> {
  return (await ask(`${gateway}/status${query}`)).json() as Promise<Status>;
}

export const highestRound = ({ acceptors }: Status): number =>
  Math.max(0, ...acceptors.map(({ promised }) => promised?.round ?? 0));

/** Tries again until `attempt` gives something, or fails with `what` after `withinMs`. */
export async function eventually<Result>(
  what: string,
  attempt: () => Promise<Result | null>,
  withinMs = 30_000,
): Promise<Result> {
  const end = performance.now() + withinMs;
  for (let last: unknown = null; performance.now() < end; await pause(100)) {
    try {
      const result = await attempt();
      if (result !== null) return result;
    } catch (error) {
      last = error;
    }
    if (performance.now() + 100 >= end) throw new Error(`not within ${withinMs} ms: ${what}`, { cause: last });
  }
  throw new Error(`not within ${withinMs} ms: ${what}`);
}

export const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The region that leads, as a gateway names it. */
export const leaderAt = async (gateway: string): Promise<string> =>
  eventually(`a leader at ${gateway}`, async () => (await statusOf(gateway)).leader);
