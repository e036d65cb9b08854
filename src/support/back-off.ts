/** How long whoever was refused waits before the next attempt. Draws from the randomness it is handed. */
import type { Random } from "./random.ts";

/**
 * Twice as long after each failure, up to a maximum, and never the same for two: many may have failed at once, and are not
 * to come again together. @param failures before this one. @returns at least half of what it could be, in ms.
 */
export function backOffMs(failures: number, minMs: number, maxMs: number, random: Random): number {
  return Math.min(maxMs, minMs * 2 ** failures) * (0.5 + random.next() / 2);
}
