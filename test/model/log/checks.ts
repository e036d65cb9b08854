/** The tests that models of the log have in common: states pinned and printed, landmarks reached, twins caught. */
import { afterAll, expect, test } from "vitest";
import { explore } from "../explorer.ts";
import { logModel } from "./model.ts";
import { noBudgets } from "./state.ts";
import type { Budgets } from "./state.ts";
import type { LogTwin } from "./twin.ts";

export interface Pinned {
  readonly title: string;
  readonly budgets: Partial<Budgets>;
  readonly states: number;
  /** Landmarks that these budgets reach: no others, and all of these. */
  readonly reached: readonly string[];
}

const large = process.env["SYNOD_MODEL"] === "large";
const mostStates = 50_000_000;

export function checkModels(claim: string, models: readonly Pinned[], largeModels: readonly Pinned[]): void {
  for (const { title, budgets, states, reached } of large ? [...models, ...largeModels] : models) {
    test(`${claim}: ${title}`, { timeout: large ? 3_600_000 : 60_000 }, () => {
      const began = performance.now();
      const found = explore(logModel({ ...noBudgets, ...budgets }), mostStates);
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      console.log(
        `model: ${title}: ${found.states} states, ${found.transitions} steps, depth ${found.depth}, ${seconds} s`,
      );
      expect(found.violation).toBeNull();
      expect(found.states).toBe(states);
      const seen = Object.entries(found.landmarks).filter(([, count]) => count > 0);
      expect(seen.map(([name]) => name).toSorted()).toEqual([...reached].toSorted());
    });
  }
}

export function checkTwins(model: string, twins: readonly LogTwin[]): void {
  const table: string[] = [];
  for (const { name, rule, firstBreaks, run } of twins) {
    test(`${model} catches the twin that ${name} (${rule})`, { timeout: 60_000 }, () => {
      const { states, violation } = run();
      expect(violation?.invariant).toBe(firstBreaks);
      expect(violation?.trace).not.toEqual([]);
      const cost = `${states} states, ${violation?.trace.length ?? 0} steps`;
      table.push([name.padEnd(42), rule.padEnd(8), firstBreaks.padEnd(54), cost.padStart(23)].join(" "));
    });
  }
  afterAll(() => console.log(table.join("\n")));
}
