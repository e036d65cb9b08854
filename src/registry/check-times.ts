/**
 * When a check is run, how long its instance outlives being critical, and how often its place is looked at. All of it
 * follows from the check and the clock alone: a shell that has lost its memory comes to the same moments. Used by
 * `check-plan.ts`. Pure.
 */
import { limits } from "../support/limits.ts";
import type { ActiveCheck } from "./check-results.ts";
import type { CheckPlace } from "./model.ts";

/** Checks of one interval are spread over it, but not so that each wakes the shell by itself. */
const phases = 8;

/** When a check is due next after that time: at the same moments for everybody who asks. */
export const dueAfter = (name: string, check: ActiveCheck, after: number): number =>
  momentAfter(hashOf(name), check, after);

/** @param hash of its name. */
export function momentAfter(hash: number, { intervalMs }: ActiveCheck, after: number): number {
  const step = Math.max(limits.checkTickMs, Math.floor(intervalMs / phases));
  const phase = (hash % Math.ceil(intervalMs / step)) * step;
  return (Math.floor((after - phase) / intervalMs) + 1) * intervalMs + phase;
}

/** FNV-1a. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return hash;
}

/** How long it may be critical until its instance goes; null for ever. What a ttl's end removes goes by its lease. */
export function deadAfter({ service, instance, view: { definition } }: CheckPlace): number | null {
  return service === null || instance === null || definition.kind === "ttl" ? null : definition.deregisterAfterMs;
}

/** What others set is only seen by looking: often enough that its instance goes not much later than it should. */
export function lookEvery(place: CheckPlace): number {
  return Math.min(Math.max((deadAfter(place) ?? Infinity) / 4, limits.checkAgainMs), limits.checkOutputMs);
}
