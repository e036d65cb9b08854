/**
 * Decisions never change, so the edge keeps them: in this isolate's memory, and in the platform's cache where there is
 * one. The key names the founded set, so a namespace that is founded anew shares nothing with what was there before. An
 * entry in the platform's cache stands under a made-up host that no client can ask for, and is only looked up after
 * authentication. Absent decisions are never kept.
 */
import { utf8 } from "../../src/support/bytes.ts";
import { setDigest } from "../../src/paxos/membership.ts";
import { decodeDecided, encodeDecided } from "./decision-value.ts";
import type { Decided } from "./decision-value.ts";
import { hexDigest } from "./identity.ts";
import type { KnownSet } from "./memory.ts";
import type { Visit } from "./visit.ts";

const forEver = "public, max-age=31536000, immutable";

function keyOf({ config, namespace }: Visit, { members }: KnownSet, id: string): string {
  return JSON.stringify([config.cluster, setDigest(members), namespace, id]);
}

export async function cachedDecision(visit: Visit, set: KnownSet, id: string): Promise<Decided | null> {
  const { decisions, counters } = visit.memory;
  const key = keyOf(visit, set, id);
  const kept = decisions.get(key) ?? (await fromPlatform(key));
  if (kept === null) counters.decisionCacheMisses += 1;
  else {
    counters.decisionCacheHits += 1;
    decisions.set(key, kept, weightOf(kept));
  }
  return kept;
}

export function keepDecision(visit: Visit, set: KnownSet, id: string, decided: Decided): void {
  const key = keyOf(visit, set, id);
  visit.memory.decisions.set(key, decided, weightOf(decided));
  visit.afterwards(toPlatform(key, decided));
}

const weightOf = ({ proposal }: Decided): number => proposal.value.length + 1024;

const addressOf = async (key: string): Promise<string> =>
  `https://decisions.synod.invalid/${await hexDigest(utf8(key))}`;

/** Self-hosted there is none, and any failure of it is a miss. */
async function fromPlatform(key: string): Promise<Decided | null> {
  try {
    const response = await caches.default.match(await addressOf(key));
    return response === undefined ? null : decodeDecided(await response.text());
  } catch {
    return null;
  }
}

async function toPlatform(key: string, decided: Decided): Promise<void> {
  try {
    await caches.default.put(
      await addressOf(key),
      new Response(encodeDecided(decided), { headers: { "cache-control": forEver } }),
    );
  } catch {
    // Nothing rests on it.
  }
}

/** What a client's own cache, and with `open` any shared one, may do with a decision. */
export const decisionCacheControl = (open: boolean): string => (open ? forEver : forEver.replace("public", "private"));
