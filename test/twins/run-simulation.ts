/** Runs the simulator with a twin's mistake in the code, seed after seed, until a seed fails. */
import { runNode } from "./process.ts";
import type { Verdict } from "./verdict.ts";

/** @param twin null: the code as it is. @param registry with those who live by the registry. */
export async function runSimulation(
  twin: string | null,
  seeds: number,
  timeoutMs: number,
  registry = false,
): Promise<Verdict> {
  const hook = twin === null ? [] : ["--import", "./test/twins/hook.ts"];
  const args = [...hook, "test/sim/main.ts", "--seeds", String(seeds), "--stop", ...(registry ? ["--registry"] : [])];
  const { code, output, errors } = await runNode(args, twin, timeoutMs);
  const failed = /^seed (\d+) FAILED: ([^]*?)^to see it: /m.exec(output);
  if (failed !== null) {
    const [, seed = "", stack = ""] = failed;
    return { type: "failed", by: finderIn(stack), message: stack.trim(), tried: `${seed} seeds` };
  }
  if (code === null)
    return { type: "hung", by: "time limit", message: `nothing failed within ${timeoutMs / 1000} s`, tried: "" };
  if (code === 0) return { type: "passed", by: "", message: "", tried: `${seeds} seeds` };
  // Thrown where nobody waits for it: then the process ends in the middle of a seed.
  const crash = /^InvariantError: [^]*/m.exec(errors)?.[0];
  return crash === undefined
    ? { type: "broken", by: "", message: errors.trim(), tried: "" }
    : { type: "failed", by: finderIn(crash), message: crash.trim(), tried: "a crash" };
}

/** Who threw: a checker, an actor, or an assertion of the code itself. */
function finderIn(stack: string): string {
  const [, rule, checker] = /^Error: \[(\w+)\](?: ([\w-]+):)?/.exec(stack) ?? [];
  const actor = /test\/sim\/actors\/([\w-]+)\.ts/.exec(stack)?.[1];
  if (rule !== undefined) return `${checker ?? actor ?? "run"} [${rule}]`;
  const asserted = /^InvariantError: (\w+)/.exec(stack)?.[1];
  const where = /((?:src|workers)\/(?!support\/)[\w/-]+\.ts)/.exec(stack)?.[1] ?? "somewhere";
  return asserted === undefined ? `error in ${where}` : `assertion ${asserted} in ${where}`;
}
