/**
 * `npm run sim -- --seeds N --from S`: runs simulations, one seed after the other, and prints what happened.
 * `--minutes M` goes on from S for so long instead; `--seed S --trace` shows one run, event by event; `--stop` ends with
 * the first seed that fails; `--registry` lets those who live by the registry take part.
 */
import { parseArgs } from "node:util";
import { run } from "./run.ts";

interface Plan {
  readonly from: number;
  /** Infinity: until the time is over. */
  readonly seeds: number;
  readonly minutes: number;
  readonly trace: boolean;
  readonly stop: boolean;
  readonly registry: boolean;
}

function planOf(args: readonly string[]): Plan {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: "string" },
      from: { type: "string" },
      seed: { type: "string" },
      minutes: { type: "string" },
      trace: { type: "boolean", default: false },
      stop: { type: "boolean", default: false },
      registry: { type: "boolean", default: false },
    },
  });
  const { seed, from, seeds, minutes, trace, stop, registry } = values;
  if (seed !== undefined && (from !== undefined || seeds !== undefined || minutes !== undefined))
    throw new Error("--seed stands alone");
  if (seeds !== undefined && minutes !== undefined) throw new Error("either --seeds or --minutes");
  if (trace && seed === undefined) throw new Error("--trace needs --seed");
  return {
    from: whole(seed ?? from ?? "1", seed === undefined ? "from" : "seed"),
    seeds: seed !== undefined ? 1 : minutes !== undefined ? Infinity : whole(seeds ?? "100", "seeds"),
    minutes: minutes === undefined ? Infinity : positive(minutes, "minutes"),
    trace,
    stop,
    registry,
  };
}

function whole(text: string, name: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new Error(`--${name} must be a whole number`);
  return value;
}

function positive(text: string, name: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 100_000)) throw new Error(`--${name} must be a number above 0`);
  return value;
}

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

async function main(plan: Plan): Promise<number> {
  const began = performance.now();
  const totals: Record<string, number> = {};
  const failed: number[] = [];
  let seeds = 0;
  for (let seed = plan.from; seeds < plan.seeds && performance.now() - began < plan.minutes * 60_000; seed += 1) {
    seeds += 1;
    try {
      const result = await run({ seed, registry: plan.registry, ...(plan.trace ? { trace: say } : {}) });
      const { counts, events, simulatedMs, slots, operations, answered } = result;
      for (const [kind, n] of Object.entries({ ...counts, events, simulatedMs, slots, operations, answered }))
        totals[kind] = (totals[kind] ?? 0) + n;
      if (plan.seeds === 1) say(`seed ${seed}: trace ${result.traceHash}`);
    } catch (error) {
      failed.push(seed);
      say(`seed ${seed} FAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      say(`to see it: npm run sim -- ${plan.registry ? "--registry " : ""}--seed ${seed} --trace`);
      if (plan.stop) break;
    }
  }
  const seconds = (performance.now() - began) / 1000;
  for (const [kind, n] of Object.entries(totals).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    say(`${kind.padEnd(36)} ${n}`);
  const { user, system } = process.cpuUsage();
  say(
    `${seeds} seeds from ${plan.from}, ${failed.length} failed${failed.length === 0 ? "" : ` (${failed.join(", ")})`}; ` +
      `${seconds.toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} s of processor: ` +
      `${Math.round((totals["events"] ?? 0) / seconds)} events/s, ` +
      `${Math.round((totals["simulatedMs"] ?? 0) / 1000 / seconds)} simulated s/s`,
  );
  return failed.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(planOf(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
