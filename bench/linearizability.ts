/** `npm run bench:linearizability [-- CALLS]`: how many calls per second the linearizability checker judges. */
import { generateHistory, withStaleRead } from "../test/linearizability/generate.ts";
import { checkRegisters, checkStore } from "../test/linearizability/key-value-model.ts";

const calls = Number(process.argv[2] ?? 5000);
const rows: Record<string, string | number>[] = [];
for (const keys of [1, 10, 100]) {
  for (const conditions of [false, true]) {
    const shape = { seed: 1, calls, clients: 8, keys, unknown: 0.05, conditions };
    const plain = generateHistory({ ...shape, lists: 0 });
    const listing = generateHistory({ ...shape, lists: 0.02 });
    for (const [check, history] of [
      [checkRegisters, plain],
      [checkStore, listing],
    ] as const) {
      for (const isStale of [false, true]) {
        const judged = isStale ? withStaleRead(history) : history;
        const begin = performance.now();
        const { type, steps } = check(judged);
        const ms = performance.now() - begin;
        rows.push({
          keys,
          conditions: String(conditions),
          check: check.name,
          history: isStale ? "stale" : "good",
          type,
          steps,
          ms: Math.round(ms),
          "calls/s": Math.round((calls / ms) * 1000),
        });
      }
    }
  }
}
console.table(rows);
