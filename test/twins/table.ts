/** The table of twins: who caught each, and after how much. */
import type { Judgement } from "./judge.ts";
import type { ModelJudgement } from "./models.ts";

const widths = [14, 46, 7, 62, 9, 6];
const line = (cells: readonly string[]): string =>
  cells
    .map((cell, i) => cell.padEnd(widths[i] ?? 0))
    .join(" ")
    .trimEnd();

export const head = (): string => line(["area", "twin", "rule", "caught by", "after", "s"]);

export function rowOf({ twin, verdict, type, seconds }: Judgement): string {
  const by =
    type === "caught" ? verdict.by : type === "survived" ? "SURVIVED" : `MISFIT ${verdict.type}: ${verdict.by}`;
  const short = by.length > 62 ? `${by.slice(0, 61)}…` : by;
  const row = line([twin.area, twin.name, twin.rule, short, verdict.tried, seconds.toFixed(1)]);
  if (type === "caught") return row;
  const said = verdict.message === "" ? "" : `\n  said: ${verdict.message.split("\n").slice(0, 6).join("\n        ")}`;
  return `${row}\n  wrong: ${twin.wrong}\n  expected: ${twin.check}, ${String(twin.expected)}${said}`;
}

export const modelRowOf = ({ model, name, rule, caughtBy, states, seconds }: ModelJudgement): string =>
  line([
    model,
    name,
    rule,
    caughtBy === null ? "SURVIVED" : `invariant ${caughtBy}`,
    `${states} st.`,
    seconds.toFixed(1),
  ]);
