/**
 * Broken twins: clients that err on purpose, so that a run with one must end in a violation. They show that the judges can
 * fail; nothing in the cluster is changed for them.
 */
import type { Told } from "./recording.ts";

export const twins = ["stale-reads", "lost-acknowledgement"] as const;

/**
 * `stale-reads`: takes whatever the nearest replica holds for a linearizable read. `lost-acknowledgement`: claims success
 * for writes whose outcome it does not know.
 */
export type Twin = (typeof twins)[number];

/** What the second twin makes of what it was told, with a revision that nobody has, just above those it has seen. */
export const claimed = (told: Told, last: number): Told =>
  told.type === "unknown" ? { type: "acknowledged", revision: last + 0.5, version: null, changed: true } : told;
