/**
 * What an hour of active checks costs that say the same all the time, counted by stepping the Checker's plan through one.
 * The table in docs/checks.md is this one. That the object does no more than its plan says is counted in
 * test/runtime/checker.test.ts.
 */
import { expect, it } from "vitest";
import { CheckPlan } from "../../../src/registry/check-plan.ts";
import type { PlanEvent, PlanOutcome } from "../../../src/registry/check-plan.ts";
import { agentNode } from "../../../src/registry/keys.ts";
import type { CheckPlace, CheckState } from "../../../src/registry/model.ts";
import { regionName, revision } from "../../../src/support/brand.ts";
import { checks, instanceOf, serviceOf } from "./examples.ts";

const fine: CheckState = { status: "passing", output: "fine" };

const placeOf = (instance: number, intervalMs: number): CheckPlace => ({
  node: agentNode,
  service: serviceOf("web"),
  instance: instanceOf(`web-${instance}`),
  region: regionName("weur"),
  tags: [],
  view: { definition: { ...checks[1], intervalMs }, ...fine, createRevision: revision(2), modRevision: revision(3) },
});

interface Hour {
  /** Requests to what is checked. */
  readonly runs: number;
  /** Alarms: each is one request to the object and one row. */
  readonly alarms: number;
  /** Questions to a replica. */
  readonly questions: number;
  /** Rows besides the alarm's. */
  readonly rows: number;
  readonly writes: number;
}

/** @param forgets the object was put to sleep between its alarms, and asks for the whole list each time. */
function hourOf(count: number, intervalMs: number, forgets: boolean): Hour {
  const places = Array.from({ length: count }, (_, n) => placeOf(n, intervalMs));
  let [now, alarms, runs, questions, rows, writes] = [1_800_000_000_000, 0, 0, 0, 0, 0];
  let plan = new CheckPlan(new Map(), 0, now);
  let known = false;
  let outcome: PlanOutcome;
  const step = (event: PlanEvent): void => {
    outcome = plan.step(event, now);
    rows += outcome.keep.size + (outcome.armedUntil === null ? 0 : 1);
    writes += outcome.write.length;
    const { run, look } = outcome;
    runs += run.length;
    if (look !== null) {
      // Whether anything has changed, and unless that was known before, the list in pages.
      questions += known ? 1 : 1 + Math.max(1, Math.ceil(count / 1000));
      step(known ? { type: "unchanged" } : { type: "listed", checks: places, revision: 100 });
      known = true;
    }
    for (const one of run) step({ type: "ran", run: one, state: fine });
  };
  const ring = (): void => {
    now = outcome.wakeAt ?? Number.NaN;
    alarms += 1;
    if (forgets) {
      known = false;
      plan = new CheckPlan(new Map(), 0, now);
    }
    step({ type: "wake" });
  };
  step({ type: "wake" });
  for (const warmUntil = now + 600_000; now < warmUntil;) ring();
  [alarms, runs, questions, rows, writes] = [0, 0, 0, 0, 0];
  for (const until = now + 3_600_000; now < until;) ring();
  return { runs, alarms, questions, rows, writes };
}

it.each([
  [1, 1, "remembers", { runs: 3600, alarms: 3600, questions: 720 }],
  [1, 10, "remembers", { runs: 360, alarms: 360, questions: 360 }],
  [1, 60, "forgets", { runs: 60, alarms: 60, questions: 120 }],
  [100, 10, "remembers", { runs: 36_000, alarms: 2880, questions: 720 }],
  [100, 60, "forgets", { runs: 6000, alarms: 480, questions: 960 }],
] as const)("an hour of %d checks, every %d s, by an object that %s between", (count, seconds, memory, expected) => {
  expect(hourOf(count, seconds * 1000, memory === "forgets")).toEqual({ ...expected, rows: 0, writes: 0 });
});
