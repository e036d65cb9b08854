/**
 * A short storm over a real cluster (`npm run chaos` is the long one), judged; and the judges themselves, shown what they
 * must refuse. No time is asserted but those that the judges state.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../../scripts/runtime/errors.ts";
import { seededRandom } from "../../src/support/random.ts";
import { majorityStands } from "../chaos/faults/ledger.ts";
import { drawPlan } from "../chaos/faults/plan.ts";
import { measureAvailability } from "../chaos/judge/availability.ts";
import { judgeDecisions } from "../chaos/judge/decisions.ts";
import type { Finding } from "../chaos/judge/finding.ts";
import { judgeLinearizability } from "../chaos/judge/linearizability.ts";
import { judgeLocks } from "../chaos/judge/locks.ts";
import { judgeRetries } from "../chaos/judge/retries.ts";
import { judgeRevisions } from "../chaos/judge/revisions.ts";
import { judgeServices } from "../chaos/judge/services.ts";
import { judgeSilences } from "../chaos/judge/silences.ts";
import { judgeWeakerReads } from "../chaos/judge/weaker-reads.ts";
import { readCommandLine } from "../chaos/options.ts";
import {
  Recording,
  type DecisionCall,
  type GuardedWrite,
  type ReadCall,
  type Told,
  type WriteCall,
} from "../chaos/recording.ts";
import { timesOf } from "../chaos/report.ts";
import { run, type Result } from "../chaos/run.ts";
import { claimed } from "../chaos/twins.ts";

const never = new Promise<never>(() => undefined);
const names = ["wnam", "enam", "weur"];

describe("a short storm", () => {
  let result: Result;
  beforeAll(async () => {
    result = await run({ seed: 32, minutes: 0.3, clients: 6, twin: null }, never);
  });

  it("breaks no promise, though it kills, stops, cuts and delays", () => {
    const { findings, skipped, heard, recording, availability } = result;
    const faults = timesOf(result.ledger);
    const gap = (availability.longestWithMajority.ms / 1_000).toFixed(1);
    console.log(`chaos: ${[...faults].map(([kind, times]) => `${times} ${kind}`).join(", ")}; longest gap ${gap} s`);
    for (const [kind, why] of skipped) console.log(`chaos: SKIPPED ${kind}: ${why}`);
    expect(findings.filter(({ verdict }) => verdict !== "holds")).toEqual([]);
    expect(result.verdict).toBe("holds");

    // Nothing of it in vain.
    expect(faults.size).toBeGreaterThanOrEqual(8);
    if (skipped.size === 0 && faults.has("disk full")) expect(heard.diskFull).toBeGreaterThan(0);
    const acknowledged = recording.writes.filter(({ told }) => told.type === "acknowledged");
    expect(acknowledged.length).toBeGreaterThan(100);
    expect(recording.writes.some(({ told }) => told.type === "unknown")).toBe(true);
    for (const { judged } of findings) expect(judged).toBeGreaterThan(0);
  });

  it("is judged by a checker that notices local reads taken for linearizable ones", () => {
    const twin = Object.assign(new Recording(), result.recording, {
      reads: result.recording.reads.map((read) => ({ ...read, consistency: "linearizable" as const })),
    });
    expect(judgeLinearizability(twin).verdict).toBe("violated");
  });

  it("is judged by a checker that notices claims of success for writes that nobody knows of", () => {
    let last = 0;
    const writes = result.recording.writes.map((write) => {
      const told = claimed(write.told, last);
      if (told.type === "acknowledged") last = Math.max(last, Math.floor(told.revision));
      return { ...write, told };
    });
    const twin = Object.assign(new Recording(), result.recording, { writes });
    expect(judgeLinearizability(twin).verdict).toBe("violated");
  });
});

describe("a storm with a broken twin", () => {
  it("ends in a violation", async () => {
    const { verdict, findings } = await run({ seed: 2, minutes: 0.06, clients: 6, twin: "stale-reads" }, never);
    expect(verdict).toBe("violated");
    expect(findings[0]).toMatchObject({ check: "keys and values are linearizable (R1, X1)", verdict: "violated" });
  });
});

describe("the plan", () => {
  const frame = { names, totalMs: 60_000, disks: true };
  const draw = (seed: number) => drawPlan(seededRandom(seed), frame);
  it("is the same for the same seed, and another for another", () => {
    expect(draw(5)).toEqual(draw(5));
    expect(draw(5)).not.toEqual(draw(6));
  });
  it("fills no disk where there is none to fill", () => {
    const kinds = (disks: boolean) =>
      new Set(drawPlan(seededRandom(5), { ...frame, totalMs: 600_000, disks }).regions.map(({ fault }) => fault.kind));
    expect([kinds(true).has("disk full"), kinds(false).has("disk full")]).toEqual([true, false]);
    expect(kinds(true).size).toBe(8);
  });
});

describe("the command line", () => {
  it("is refused with a reason when it is wrong", () => {
    for (const [args, reason] of [
      [["--minutes", "x"], "--minutes must be a number from 0.05 to 1440"],
      [["--minutes", "0"], "--minutes must be a number"],
      [["--seed", "1.5"], "--seed must be a whole number"],
      [["--clients", "0"], "--clients must be a whole number from 1 to 64"],
      [["--twin", "other"], "--twin must be stale-reads or lost-acknowledgement"],
      [["--storm", "1"], "Unknown option '--storm'"],
    ] as const) {
      expect(() => readCommandLine(args)).toThrow(UsageError);
      expect(() => readCommandLine(args)).toThrow(reason);
    }
    expect(readCommandLine(["--minutes", "0.5", "--seed", "9"])).toMatchObject({ minutes: 0.5, seed: 9, clients: 6 });
    expect(readCommandLine(["--help"])).toBeNull();
  });
});

const at = (time: number) => ({ client: "c", calledAt: time, returnedAt: time + 1 });
const put = (time: number, value: string, told: Told): WriteCall => ({
  ...at(time),
  operation: "put",
  key: "g0/0",
  value,
  condition: { type: "always" },
  sent: 1,
  retriedInDoubt: false,
  told,
});
const made = (revision: number): Told => ({ type: "acknowledged", revision, version: 1, changed: true });
const get = (time: number, revision: number, value: string | null, more: Partial<ReadCall> = {}): ReadCall => ({
  ...at(time),
  listing: false,
  shown: [{ key: "g0/0", found: value === null ? null : { value, modRevision: Number(value), version: null } }],
  consistency: "linearizable",
  atLeast: null,
  revision,
  ageMs: 0,
  servedBy: "wnam",
  ...more,
});
const decision = (time: number, proposed: string | null, told: DecisionCall["told"]): DecisionCall => ({
  ...at(time),
  id: "d0",
  proposed,
  told,
});
const guarded = (
  time: number,
  token: number,
  value: number,
  revision: number | null,
  version: number,
): GuardedWrite => ({
  ...at(time),
  token,
  value,
  told: revision === null ? "refused" : "acknowledged",
  made: revision === null ? null : { revision, version },
});
const recorded = (parts: Partial<Recording>): Recording => Object.assign(new Recording(), parts);
const violated = (...findings: readonly Finding[]): readonly string[] =>
  findings.filter(({ verdict }) => verdict === "violated").map(({ check }) => check);

describe("the judges", () => {
  const honest = recorded({
    writes: [put(0, "1", made(1)), put(10, "2", made(2)), put(11, "3", { type: "not-applied" })],
    reads: [
      get(5, 1, "1"),
      get(20, 2, "2"),
      get(21, 1, "1", { consistency: "session", atLeast: 1, ageMs: 15 }),
      get(22, 1, "1", { consistency: "local", ageMs: 15 }),
    ],
    repeats: [{ client: "c", key: "g0/0", first: made(1), again: made(1) }],
    decisions: [
      decision(0, null, { type: "nothing" }),
      decision(1, "a", { type: "decided", value: "a", yours: true }),
      decision(2, "b", { type: "decided", value: "a", yours: false }),
    ],
    renewals: [{ ...at(0), instance: "i", ttlMs: 100 }],
    lookups: [
      { ...at(50), instances: ["i"] },
      { ...at(100), instances: [] },
    ],
    acquisitions: [
      { ...at(0), token: 5 },
      { ...at(20), token: 9 },
    ],
    guarded: [guarded(10, 5, 1, 6, 1), guarded(30, 9, 2, 10, 2), guarded(40, 5, 2, null, 0)],
  });
  const every = (recording: Recording): readonly Finding[] => [
    judgeLinearizability(recording),
    ...judgeRevisions(recording),
    ...judgeWeakerReads(recording),
    judgeRetries(recording),
    judgeDecisions(recording),
    judgeServices(recording),
    ...judgeLocks(recording),
  ];

  it("find nothing wrong with an honest recording", () => {
    expect(violated(...every(honest))).toEqual([]);
  });

  it.each<[string, Partial<Recording>, string]>([
    ["a lost write", { reads: [get(20, 2, null)] }, "every read shows the newest"],
    ["a read of the past", { reads: [get(20, 1, "1")] }, "revisions follow real time"],
    ["the same, in the order of calls", { reads: [get(20, 1, "1")] }, "keys and values are linearizable"],
    ["a write that was refused, and happened", { reads: [get(20, 3, "3")] }, "what was told not-applied never shows"],
    [
      "a write that happened twice",
      { writes: [put(0, "1", made(1)), put(9, "1", made(2))] },
      "one change, one revision",
    ],
    [
      "a session that goes back",
      { reads: [get(21, 1, "1", { consistency: "session", atLeast: 2, ageMs: null })] },
      "session reads",
    ],
    [
      "a state older than it says",
      { reads: [get(22, 1, "1", { consistency: "local", ageMs: 3 })] },
      "a state is no older",
    ],
    ["another outcome", { repeats: [{ client: "c", key: "k", first: made(1), again: made(2) }] }, "a retry is told"],
    [
      "two decisions",
      { decisions: [...honest.decisions, decision(3, "c", { type: "decided", value: "c", yours: true })] },
      "a decision is one",
    ],
    [
      "a forgotten decision",
      { decisions: [...honest.decisions, decision(9, null, { type: "nothing" })] },
      "a decision is",
    ],
    ["a lost update", { guarded: [guarded(10, 5, 1, 6, 1), guarded(30, 9, 1, 10, 2)] }, "a counter under a lock"],
    ["a write with an old token", { guarded: [guarded(40, 5, 1, 12, 1)] }, "no write with a token of the past"],
    [
      "a token that went back",
      {
        acquisitions: [
          { ...at(0), token: 9 },
          { ...at(20), token: 5 },
        ],
        guarded: [],
      },
      "a lock's tokens grow",
    ],
    ["an instance that is missing", { lookups: [{ ...at(50), instances: [] }] }, "an instance that renews"],
  ])("notice %s", (_, forged, check) => {
    const found = violated(...every(Object.assign(new Recording(), honest, forged)));
    expect(found.some((one) => one.startsWith(check))).toBe(true);
  });

  it("notice a region that is up and says nothing", () => {
    const silences = [{ region: "wnam", what: "/kv/a", calledAt: 10_000, returnedAt: 16_000 }];
    const standing = (since: number, ...away: readonly string[]) => ({ since, away: new Set(away), cuts: new Set("") });
    const judged = (...away: readonly string[]) =>
      violated(judgeSilences(recorded({ silences }), [standing(0), standing(15_000, ...away)], 1)).length;
    expect([judged(), judged("enam"), judged("wnam")]).toEqual([1, 1, 0]);
  });

  it("measure the time without a write, and how much of it a majority stood", () => {
    const standing = (since: number, ...away: readonly string[]) => ({ since, away: new Set(away), cuts: new Set("") });
    const entries = [standing(0), standing(100, "wnam", "enam"), standing(400, "wnam"), standing(450)];
    const recording = recorded({ writes: [put(49, "1", made(1)), put(459, "2", made(2))] });
    expect(measureAvailability(recording, entries, names, 500)).toEqual({
      longest: { ms: 410, fromMs: 50 },
      longestWithMajority: { ms: 60, fromMs: 400 },
      majorityShare: 0.4,
    });
    const joined = { since: 0, away: new Set<string>(), cuts: new Set(["wnam>enam", "weur>wnam"]) };
    expect(majorityStands(joined, names)).toBe(true);
    expect(majorityStands({ ...joined, cuts: new Set([...joined.cuts, "enam>weur"]) }, names)).toBe(false);
  });
});
