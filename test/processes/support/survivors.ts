/**
 * What must hold when the worst is over: nothing acknowledged is lost, nothing refused has happened, and all replicas hold
 * the same. Throws with the writes that broke a promise.
 */
import type { Cluster } from "../../../scripts/runtime/cluster.ts";
import { ask, eventually, statusOf, urlOf, type Status } from "./gateway.ts";
import type { Write, Writers } from "./writers.ts";

interface Entry {
  readonly key: string;
  readonly value: string;
  readonly modRevision: number;
  readonly version: number;
}

interface Page {
  readonly keys: readonly Entry[];
  readonly cursor: string | null;
}

/** All keys under a prefix at one revision: the first page is read linearizably, the others at its revision. */
async function keysAt(gateway: string, prefix: string): Promise<ReadonlyMap<string, Entry>> {
  const entries = new Map<string, Entry>();
  let cursor: string | null = "";
  while (cursor !== null) {
    const from: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const response = await ask(`${gateway}/kv?prefix=${prefix}&limit=1000${from}`);
    if (!response.ok) throw new Error(`GET /kv at ${gateway}: ${response.status} ${await response.text()}`);
    const page = (await response.json()) as Page;
    for (const entry of page.keys) entries.set(entry.key, entry);
    ({ cursor } = page);
  }
  return entries;
}

/** What a write was told against what is there; null when both agree. */
function complaintAbout({ key, value, told }: Write, entry: Entry | undefined): string | null {
  switch (told.type) {
    case "unknown":
      return entry === undefined || (entry.value === value && entry.version === 1) ? null : `${key} is garbled`;
    case "not-applied":
      return entry === undefined ? null : `${key} was refused as not applied, and is there`;
    case "acknowledged":
      if (entry === undefined) return `${key} was acknowledged at revision ${told.revision}, and is lost`;
      return entry.value === value && entry.version === 1 && entry.modRevision === told.revision
        ? null
        : `${key} was acknowledged at revision ${told.revision}, and is ${JSON.stringify(entry)}`;
  }
}

/** Reads everything the writers wrote from each of the regions, linearizably. Each key was written at most once. */
export async function nothingLost(cluster: Cluster, regions: readonly string[], writers: Writers): Promise<void> {
  for (const region of regions) {
    const gateway = urlOf(cluster, region);
    const entries = await eventually(`a linearizable listing in ${region}`, async () =>
      keysAt(gateway, writers.prefix),
    );
    const complaints = writers.writes.flatMap((write) => complaintAbout(write, entries.get(write.key)) ?? []);
    const written = new Set(writers.writes.map(({ key }) => key));
    for (const key of entries.keys()) if (!written.has(key)) complaints.push(`${key} was never written`);
    if (complaints.length > 0) {
      throw new Error(`${complaints.length} of ${written.size} in ${region}: ${complaints.slice(0, 10).join("; ")}`);
    }
  }
}

/** Waits until all replicas have applied the same slots and hold the same rows (SPEC L2). */
export async function converged(cluster: Cluster, region: string, withinMs = 30_000): Promise<Status> {
  let last = "";
  const attempt = async (): Promise<Status | null> => {
    const status = await statusOf(urlOf(cluster, region), "?digest=true");
    last = JSON.stringify(status.replicas);
    const stores = new Set(status.replicas.map(({ applied, digest }) => `${applied} ${digest}`));
    const all = status.replicas.length === cluster.regions.length;
    return all && status.replicas.every(({ digest }) => digest !== undefined) && stores.size === 1 ? status : null;
  };
  return eventually("equal stores in all regions", attempt, withinMs).catch((error: unknown) => {
    throw new Error(`${String(error)}; last seen: ${last}`);
  });
}
