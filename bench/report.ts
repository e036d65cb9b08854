/** What every measurement says of itself, so that its figures can be compared later: the machine, the date, the method. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";

export const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** @param command what was run; `method` one or two sentences on how the figures come about. */
export function printHead(command: string, method: string): void {
  const revision = spawnSync("git", ["describe", "--always", "--dirty"], { encoding: "utf8" }).stdout.trim();
  const processors = cpus();
  print(`${command}, ${new Date().toISOString().slice(0, 16)}Z, revision ${revision === "" ? "unknown" : revision}`);
  print(
    `${processors.length} cores (${processors[0]?.model.trim() ?? "unknown"}), Node ${process.version}, workerd ${workerd()}`,
  );
  print(`${method}\n`);
}

/** The pinned version is the installed one. */
function workerd(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly devDependencies: { readonly workerd: string } }).devDependencies.workerd;
}

/** A table in Markdown; the first row is its head. */
export function printTable(rows: readonly (readonly string[])[]): void {
  rows.forEach((row, index) => {
    print(`| ${row.join(" | ")} |`);
    if (index === 0) print(`|${row.map(() => "---|").join("")}`);
  });
  print("");
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Median, lowest and highest. */
export function spread(values: readonly number[], unit: string, digits = 0): string {
  const [middle, low, high] = [median(values), Math.min(...values), Math.max(...values)].map((one) =>
    one.toFixed(digits),
  );
  return `${middle} ${unit} (${low}-${high})`;
}
