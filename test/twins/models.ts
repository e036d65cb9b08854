/** The twins of the models: the same kind of mistakes, tried in every order of events that a small model allows. */
import { barrierTwins } from "../model/barrier/twins.ts";
import { explore } from "../model/explorer.ts";
import type { Exploration } from "../model/explorer.ts";
import { logTwins } from "../model/log/twins.ts";
import { singleDecree } from "../model/single-decree/model.ts";
import { twins as singleDecreeTwins } from "../model/twins/all.ts";

interface ModelTwin {
  readonly name: string;
  readonly rule: string;
  readonly firstBreaks: string;
  run(): Exploration;
}

export interface ModelJudgement {
  readonly model: string;
  readonly name: string;
  readonly rule: string;
  /** The invariant that broke first; null for none, or for another than it should. */
  readonly caughtBy: string | null;
  readonly states: number;
  readonly seconds: number;
}

const models: Readonly<Record<string, readonly ModelTwin[]>> = {
  decree: singleDecreeTwins.map((twin) => ({ ...twin, run: () => explore(singleDecree(twin.budgets, twin.roles)) })),
  log: logTwins,
  barrier: barrierTwins,
};

export function* judgeModels(): Generator<ModelJudgement> {
  for (const [model, twins] of Object.entries(models)) {
    for (const twin of twins) {
      const { name, rule, firstBreaks } = twin;
      const began = performance.now();
      const { states, violation } = twin.run();
      const caughtBy = violation?.invariant === firstBreaks ? firstBreaks : null;
      yield { model: `model ${model}`, name, rule, caughtBy, states, seconds: (performance.now() - began) / 1000 };
    }
  }
}
