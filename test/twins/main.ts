/**
 * `npm run twins`: runs every broken twin against its check and prints which check caught it, after how many seeds or
 * states. Ends with an error if one survives, or is caught by something else than it should be. `-- --only NAME` runs one
 * (or an area), `--seeds N` at most so many seeds each, `--list` only says what is wrong with each.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { catalogue } from "./catalogue/all.ts";
import { judgeAll } from "./judge.ts";
import { judgeModels } from "./models.ts";
import { runSimulation } from "./run-simulation.ts";
import { head, modelRowOf, rowOf } from "./table.ts";

/** Seeds that the code as it is must pass before its twins are judged. */
const controlSeeds = 5;

interface Plan {
  readonly only: string | null;
  readonly seeds: number;
  readonly seconds: number;
  readonly list: boolean;
}

function planOf(args: readonly string[]): Plan {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      seeds: { type: "string", default: "120" },
      seconds: { type: "string", default: "300" },
      list: { type: "boolean", default: false },
    },
  });
  return {
    only: values.only ?? null,
    seeds: whole(values.seeds, "seeds"),
    seconds: whole(values.seconds, "seconds"),
    list: values.list,
  };
}

function whole(text: string, name: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new Error(`--${name} must be a whole number from 1`);
  return Number(text);
}

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

async function main({ only, seeds, seconds, list }: Plan): Promise<number> {
  const began = performance.now();
  const twins = catalogue.filter((twin) => only === null || twin.name === only || twin.area === only);
  if (twins.length === 0) throw new Error(`no twin and no area is called ${only}`);
  if (list) {
    for (const { name, rule, wrong, file } of twins) say(`${rule.padEnd(3)} ${name} (${file})\n    ${wrong}`);
    return 0;
  }
  const timeoutMs = seconds * 1_000;
  for (const registry of [false, true]) {
    const control = await runSimulation(null, controlSeeds, timeoutMs, registry);
    if (control.type !== "passed") throw new Error(`the code as it is ${control.type}: ${control.message}`);
    say(`the code as it is passes ${control.tried}${registry ? " with the registry" : ""}`);
  }
  say(`\n${head()}`);
  const judged = await judgeAll(twins, { seeds, timeoutMs }, availableParallelism(), (one) => say(rowOf(one)));
  const uncaught = judged.filter(({ type }) => type !== "caught").map(({ twin }) => twin.name);
  let models = 0;
  for (const one of only === null ? judgeModels() : []) {
    models += 1;
    if (one.caughtBy === null) uncaught.push(one.name);
    say(modelRowOf(one));
  }
  const time = `${((performance.now() - began) / 1000).toFixed(0)} s`;
  const verdict = uncaught.length === 0 ? "all caught" : `NOT CAUGHT: ${uncaught.join(", ")}`;
  say(`\n${judged.length} twins of the source and ${models} of the models in ${time}: ${verdict}`);
  return uncaught.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(planOf(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
