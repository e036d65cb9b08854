/** Runs one twin against the check it names, and says whether it was caught, and by what its author expected. */
import { runSimulation } from "./run-simulation.ts";
import { runTests } from "./run-tests.ts";
import type { Twin } from "./twin.ts";
import type { Verdict } from "./verdict.ts";

export interface Judgement {
  readonly twin: Twin;
  readonly verdict: Verdict;
  /** `misfit`: something else went wrong than what the twin is there to show. */
  readonly type: "caught" | "survived" | "misfit";
  readonly seconds: number;
}

export interface Patience {
  /** Of the simulator, for each twin. */
  readonly seeds: number;
  readonly timeoutMs: number;
}

export async function judge(twin: Twin, { seeds, timeoutMs }: Patience): Promise<Judgement> {
  const began = performance.now();
  const verdict =
    twin.check === "simulation" || twin.check === "registry simulation"
      ? await runSimulation(twin.name, seeds, timeoutMs, twin.check !== "simulation")
      : await runTests(twin.name, twin.check, timeoutMs);
  const seconds = (performance.now() - began) / 1000;
  if (verdict.type === "passed") return { twin, verdict, type: "survived", seconds };
  const fits = verdict.type === "failed" && twin.expected.test(verdict.message);
  return { twin, verdict, type: fits ? "caught" : "misfit", seconds };
}

/** Judges all of them, several at a time, in order. @param tell each as soon as its turn in the order has come. */
export async function judgeAll(
  twins: readonly Twin[],
  patience: Patience,
  atOnce: number,
  tell: (judgement: Judgement) => void,
): Promise<readonly Judgement[]> {
  const judgements: Judgement[] = [];
  let begun = 0;
  let told = 0;
  const worker = async (): Promise<void> => {
    for (let at = begun++; at < twins.length; at = begun++) {
      const twin = twins[at];
      if (twin === undefined) return;
      judgements[at] = await judge(twin, patience);
      for (let next = judgements[told]; next !== undefined; next = judgements[told]) {
        tell(next);
        told += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return judgements;
}
