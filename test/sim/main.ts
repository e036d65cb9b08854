/** `npm run sim -- --seeds N --from S`, or `--seed S` for one: runs simulations and prints what happened. */
import { parseArgs } from "node:util";
import { run } from "./run.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
  },
});
const count = (text: string, name: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} must be a whole number`);
  return value;
};
const first = count(values.seed ?? values.from, values.seed === undefined ? "from" : "seed");
const last = first + (values.seed === undefined ? count(values.seeds, "seeds") : 1);
const began = performance.now();
const totals: Record<string, number> = {};
let failures = 0;
for (let seed = first; seed < last; seed += 1) {
  try {
    const { counts, events, simulatedMs, slots, operations, answered, traceHash } = run({ seed });
    for (const [kind, n] of Object.entries({ ...counts, events, simulatedMs, slots, operations, answered })) {
      totals[kind] = (totals[kind] ?? 0) + n;
    }
    if (values.seed !== undefined) process.stdout.write(`seed ${seed}: trace ${traceHash}\n`);
  } catch (error) {
    failures += 1;
    process.stdout.write(
      `seed ${seed} FAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
  }
}
const seconds = (performance.now() - began) / 1000;
for (const [kind, n] of Object.entries(totals).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  process.stdout.write(`${kind.padEnd(36)} ${n}\n`);
process.stdout.write(
  `${last - first} seeds, ${failures} failed, ${seconds.toFixed(1)} s: ${Math.round((totals["events"] ?? 0) / seconds)} events/s, ` +
    `${Math.round((totals["simulatedMs"] ?? 0) / 1000 / seconds)} simulated s/s\n`,
);
process.exitCode = failures === 0 ? 0 : 1;
