/**
 * `npm run sim:time`: the scenarios with limit and result, the comparison with other estimators, the broken twins.
 * `--seeds N` runs each scenario with N seeds and shows the worst of each figure; `--only TEXT` runs the scenarios whose name
 * begins with it, and nothing else; `--faults` shows only what went wrong.
 */
import { parseArgs } from "node:util";
import { compare, worlds } from "./compare.ts";
import type { Row } from "./compare.ts";
import { checksThatCatch } from "./run-twin.ts";
import { runScenario } from "./run.ts";
import type { Result } from "./run.ts";
import type { Fault, Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";
import { twins } from "./twins.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "5" },
    only: { type: "string" },
    faults: { type: "boolean", default: false },
  },
});
const seeds = Number(values.seeds);
if (!Number.isSafeInteger(seeds) || seeds < 1) throw new Error("--seeds must be a whole number above 0");

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const digits = (value: number): string =>
  Number.isFinite(value) ? (value >= 100 ? value.toFixed(0) : value.toPrecision(2)) : "-";

interface Line {
  readonly scenario: Scenario;
  readonly results: readonly Result[];
}

const worst = (results: readonly Result[], of: (result: Result) => number): number => Math.max(...results.map(of));

function row({ scenario, results }: Line): readonly string[] {
  const { limits, name, why } = scenario;
  const figures =
    limits === null
      ? ["-", "-", "-"]
      : [
          `${worst(results, ({ syncS }) => syncS)} / ${limits.syncS}`,
          `${digits(worst(results, ({ maxMs }) => maxMs))} / ${limits.maxMs}`,
          `${digits(worst(results, ({ rmsMs }) => rmsMs))} / ${limits.rmsMs}`,
        ];
  const frequency = limits === null ? "-" : digits(worst(results, ({ frequencyPpm }) => frequencyPpm));
  const radius = digits(worst(results, ({ meanRadiusMs }) => meanRadiusMs));
  const outside = results.reduce((sum, { violations }) => sum + violations, 0);
  const backwards = results.reduce((sum, { backwards }) => sum + backwards, 0);
  const verdict = results.every(({ faults }) => faults.length === 0) ? "holds" : "BROKEN";
  return [name, ...figures, frequency, radius, String(outside), String(backwards), verdict, why];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  say(`| ${head.join(" | ")} |`);
  say(`|${head.map(() => "---").join("|")}|`);
  for (const cells of rows) say(`| ${cells.join(" | ")} |`);
}

function runScenarios(): readonly Fault[] {
  const chosen = scenarios.filter(({ name }) => name.startsWith(values.only ?? ""));
  if (chosen.length === 0) throw new Error(`no scenario's name begins with ${JSON.stringify(values.only)}`);
  const lines = chosen.map((scenario) => {
    const count = values.faults ? 1 : seeds;
    const results = Array.from({ length: count }, (_, seed) => runScenario({ ...scenario, seed: seed + 1 }));
    return { scenario, results };
  });
  if (!values.faults) {
    const limits = ["synchronised after, s / limit", "max error, ms / limit", "rms, ms / limit"];
    const rest = [
      "frequency, ppm rms",
      "mean half-width, ms",
      "truth outside, s",
      "backwards",
      "verdict",
      "limit from",
    ];
    table(["scenario", ...limits, ...rest], lines.map(row));
  }
  return lines.flatMap(({ scenario: { name }, results }) =>
    results.flatMap(({ faults }) => faults.map(({ check, detail }) => ({ check, detail: `${name}: ${detail}` }))),
  );
}

function showComparison(): void {
  const cells = ({ world, estimator, rmsMs, maxMs, outside, meanBoundMs }: Row): readonly string[] => [
    world,
    estimator,
    digits(rmsMs),
    digits(maxMs),
    digits(meanBoundMs),
    `${(outside * 100).toFixed(1)} %`,
  ];
  say("\nThe same answers, other estimators:\n");
  const head = ["world", "estimator", "rms, ms", "max, ms", "mean bound, ms", "truth outside the bound"];
  table(head, worlds.flatMap((world) => compare(world, seeds)).map(cells));
}

async function showTwins(): Promise<readonly Fault[]> {
  say("\nBroken twins:\n");
  const rows: (readonly string[])[] = [];
  const faults: Fault[] = [];
  for (const twin of twins) {
    const caught = await checksThatCatch(twin);
    rows.push([twin.name, twin.wrong, twin.scenario, caught.join(", ") || "NOTHING"]);
    if (!caught.includes(twin.check)) faults.push({ check: twin.check, detail: `does not catch ${twin.name}` });
  }
  table(["twin", "its mistake", "scenario", "caught by"], rows);
  return faults;
}

const faults: Fault[] = [...runScenarios()];
if (values.only === undefined && !values.faults) {
  showComparison();
  faults.push(...(await showTwins()));
}
for (const { check, detail } of faults) say(`fault: ${check}: ${detail}`);
process.exitCode = faults.length > 0 ? 1 : 0;
