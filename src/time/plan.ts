/** When to synchronise. Pure. */

export type Plan =
  /** One round, then never again: the interval grows until it is void. */
  | { readonly type: "once" }
  /** Again and again, as often as the clock needs it. */
  | { readonly type: "periodic" }
  /** At the start, and then every day at this time (UTC, in ms since midnight): before an hour that matters. */
  | { readonly type: "daily"; readonly atMs: number };

const dayMs = 86_400_000;

/** How long until then. @param unixMs the time now. @returns above 0, at most a day. */
export function untilDaily(atMs: number, unixMs: number): number {
  const sinceMidnight = unixMs - Math.floor(unixMs / dayMs) * dayMs;
  const wait = (atMs - sinceMidnight) % dayMs;
  return wait > 0 ? wait : wait + dayMs;
}
