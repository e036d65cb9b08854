/**
 * What a write costs again later: votes are trimmed, history and the batch's own row are cleared, a few with each batch that
 * comes after. Counted by letting an hour pass at once: what is to be cleared is written first, filler comes behind it, and
 * with each further filler the oldest batches go, in order.
 */
import { limits } from "../../src/support/limits.ts";
import { inTurn, keysFrom } from "./client.ts";
import type { Client } from "./client.ts";
import type { Counted } from "./counted.ts";
import { difference, wrote } from "./counts.ts";
import type { Counts } from "./counts.ts";

export interface Cleared {
  readonly size: number;
  /** Rows of history and of batches taken back for one write, at all replicas together. */
  readonly history: number;
  readonly batches: number;
}

const perSize = 10 * limits.clearedBatchesPerApply;
const replicas = 3;
const deleted = (counts: Counts, table: string): number => counts[wrote("replica", table, "DELETE")] ?? 0;

/** @param sizes writes of existing keys in each batch. */
export async function countClearing(
  synod: Counted,
  client: Client,
  sizes: readonly number[],
): Promise<readonly Cleared[]> {
  const keys = keysFrom(0, Math.max(...sizes));
  // So many, and the first window of each size begins in the middle of what is cleared together.
  await inTurn(limits.clearedBatchesPerApply, async () => client.batch(keys));
  for (const size of sizes) await inTurn(perSize, async () => client.batch(keys.slice(0, size)));
  const fillers = limits.keptSlots + limits.trimStep;
  const filler = keysFrom(10_000, Math.ceil(limits.historyRevisions / fillers) + 1);
  await inTurn(fillers, async () => client.batch(filler));
  await synod.forward(limits.historyMs + limits.commandLifeMs);
  const cleared: Cleared[] = [];
  // What comes before the first size.
  await inTurn(2, async () => client.batch(filler));
  for (const size of sizes) {
    const before = await synod.quiet();
    await inTurn(8, async () => client.batch(filler));
    const counts = difference(await synod.quiet(), before);
    const gone = deleted(counts, "batches");
    if (gone === 0) throw new Error("nothing was cleared");
    const writes = (gone / replicas) * size;
    cleared.push({ size, history: deleted(counts, "kv") / writes, batches: gone / writes });
    // To the middle of the next ones.
    await inTurn(2, async () => client.batch(filler));
  }
  return cleared;
}
