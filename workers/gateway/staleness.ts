/**
 * Lookups that one replica answers by itself, and how old they may be before they are marked. Used by the doors to the
 * registry, which go on answering where no majority can be reached.
 */
import { limits } from "../../src/support/limits.ts";
import type { Consistency } from "../../src/replica/messages.ts";
import { read } from "./reads.ts";
import type { Read } from "./reads.ts";
import type { Visit } from "./visit.ts";

/** Only what a replica knows by itself can be stale. An unknown age is a stale one. */
export const isStale = (consistency: Consistency, { headers }: Pick<Read<"services">, "headers">): boolean =>
  consistency.type === "local" && !(Number(headers["synod-age"] ?? "unknown") <= limits.lookupStaleMs);

/** A replica that nobody asked for long is up to date for all that is known; so that the next answer says so, it asks. */
export function confirmSoon(visit: Visit): void {
  const { confirming } = visit.memory;
  const now = visit.now();
  if ((confirming.get(visit.namespace) ?? 0) > now) return;
  confirming.set(visit.namespace, now + limits.lookupMaxAgeSeconds * 1000);
  const consistency = { type: "local", maxAgeMs: limits.lookupStaleMs } as const;
  visit.afterwards(
    read(visit, consistency, { type: "services", after: null, limit: 1 }, "services").catch(() => undefined),
  );
}
