/**
 * The scenarios: chrony's list (70 numbered ones run in clknetsim) as far as it is about the estimator, with chrony's limits
 * where a tick of 1 ms lets them stand, and those that only we have. `why` says where a limit comes from.
 */
import type { Random } from "../../src/support/random.ts";
import type { TimeSettings } from "../../src/time/settings.ts";
import { exponential } from "./clocks.ts";
import type { BaseSpec } from "./clocks.ts";
import type { Result } from "./run.ts";
import type { Fault, Limits, Scenario, SourceSpec } from "./scenario.ts";
import { second } from "./scenario.ts";

const start = Date.UTC(2026, 10, 23, 12);
const hour = 3600 * second;

/** chrony's usual world: 100 us there and back, and as much again of jitter. */
const usualWay = (random: Random): number => 0.1 + exponential(random, 0.1);
const way =
  (least: number, jitter: number) =>
  (random: Random): number =>
    least + exponential(random, jitter);

const usualSource = (name: string): SourceSpec => ({
  name,
  out: usualWay,
  back: usualWay,
  error: () => 0,
  rootDispersionMs: 0,
  tickMs: 1,
  frozen: true,
  answers: () => true,
  leap: () => 0,
  minIntervalMs: 0,
});

const names = ["weur", "enam", "apac", "wnam", "oc"];

/** The same in so many regions, or something else in each. */
export const sources = (
  count: number,
  change: (position: number) => Partial<SourceSpec> = () => ({}),
): readonly SourceSpec[] =>
  names.slice(0, count).map((name, position) => ({ ...usualSource(name), ...change(position) }));

interface Part {
  readonly seconds?: number;
  readonly startUnixMs?: number;
  readonly sources?: readonly SourceSpec[];
  readonly base?: Partial<BaseSpec>;
  readonly settings?: Partial<TimeSettings>;
  readonly civil?: (elapsedMs: number) => number;
  readonly wall?: (elapsedMs: number) => number;
  readonly ntpStamps?: boolean;
  readonly limits?: Limits | null;
  readonly excused?: (elapsedMs: number) => boolean;
  readonly recedes?: (elapsedMs: number) => boolean;
  readonly judge?: (result: Result) => readonly Fault[];
}

/** chrony's 0.3 ms, and the 1 / sqrt(12) ms by which a tick of 1 ms scatters, added in squares. Its 1 ms and 10 ppm stand. */
const usualLimits: Limits = { syncS: 210, maxMs: 1, rmsMs: 0.4, frequencyPpm: 10 };

export function scenario(name: string, why: string, part: Part): Scenario {
  return {
    name,
    why,
    seconds: part.seconds ?? 10_000,
    seed: 1,
    startUnixMs: part.startUnixMs ?? start,
    sources: part.sources ?? sources(3),
    base: { tickMs: 0.001, ppm: 100, wander: 1e-9, sleeps: [], jumps: [], ...part.base },
    settings: part.settings ?? {},
    civil: part.civil ?? (() => 0),
    wall: part.wall ?? null,
    ntpStamps: part.ntpStamps ?? false,
    limits: part.limits === undefined ? usualLimits : part.limits,
    excused: part.excused ?? (() => false),
    recedes: part.recedes ?? part.excused ?? (() => false),
    judge: part.judge ?? (() => []),
  };
}

/** So much later, all the world's clocks show so much more. */
const stepAt =
  (atS: number, byMs: number) =>
  (elapsedMs: number): number =>
    elapsedMs >= atS * second ? byMs : 0;

const during =
  (fromS: number, untilS: number) =>
  (elapsedMs: number): boolean =>
    elapsedMs >= fromS * second && elapsedMs < untilS * second;

/** The first `count` of five lie, each in its own way. */
const liars = (count: number, by = 60_000): readonly SourceSpec[] =>
  sources(5, (position) => (position < count ? { error: () => (position + 1) * by } : {}));

const named = (check: string, holds: boolean, detail: string): readonly Fault[] => (holds ? [] : [{ check, detail }]);

const onlyLiarsCaught = (count: number) => (result: Result) => {
  const caught = Object.keys(result.falsetickers).toSorted().join();
  return named("falsetickers named", caught === names.slice(0, count).toSorted().join(), caught || "none");
};

const refusesAll = (reason: string) => (result: Result) => [
  ...named("no steering without a majority", result.steered === 0, `${result.steered} rounds steered`),
  ...named("reason named", (result.refusals[reason] ?? 0) === result.rounds, JSON.stringify(result.refusals)),
  ...named("unknown without a majority", result.statuses.synchronised === 0, `${result.statuses.synchronised} s`),
];

const becomesUnknown = (result: Result): readonly Fault[] =>
  named("unknown while in doubt", result.statuses.unknown > 0, "it never said so");

const fixedWays = (out: number, back: number) => ({ out: way(out, 1), back: way(back, 1) });

export const scenarios: readonly Scenario[] = [
  scenario(
    "100 ppm, 100 us ways",
    "chrony's default world and limits; rms 0.3 ms there, a tick of 1 ms scatters by 0.29 more",
    {},
  ),
  scenario("50,000 ppm fast", "chrony: 1000 s; assumption A raised to 60,000 ppm", {
    base: { ppm: 50_000 },
    settings: { driftPpm: 60_000 },
    limits: { ...usualLimits, syncS: 1000 },
  }),
  scenario("50,000 ppm slow", "as before", {
    base: { ppm: -50_000 },
    settings: { driftPpm: 60_000 },
    limits: { ...usualLimits, syncS: 1000 },
  }),
  scenario("offset +100 s, slewed", "chrony: 1400 s after it begins, here at 1000 s; stepping switched off", {
    civil: stepAt(1000, 100_000),
    settings: { stepThresholdMs: Infinity, pollMax: 6 },
    excused: during(1000, 1100),
    limits: { ...usualLimits, syncS: 2400 },
  }),
  scenario("offset -100 s, slewed", "as before; a virtual clock is never stepped back", {
    civil: stepAt(1000, -100_000),
    settings: { pollMax: 6 },
    excused: during(1000, 1100),
    limits: { ...usualLimits, syncS: 2400 },
  }),
  scenario("jitter 100 ms", "chrony: 500 ms, 100 ms", {
    sources: sources(3, () => ({ out: way(0.1, 100), back: way(0.1, 100) })),
    limits: { syncS: 1000, maxMs: 500, rmsMs: 100 },
  }),
  scenario("wander 1e-7", "chrony: 5 ms, 1 ms", {
    base: { wander: 1e-7 },
    limits: { syncS: 210, maxMs: 5, rmsMs: 1 },
  }),
  scenario("rate jumps by 20 ppm", "the machine warms up; chrony's limits for wander, pauses of at most 64 s", {
    sources: sources(3, () => fixedWays(40, 40)),
    base: { jumps: [{ atMs: 5000 * second, ppm: 20 }] },
    settings: { pollMax: 6 },
    limits: { syncS: 210, maxMs: 5, rmsMs: 1 },
  }),
  scenario(
    "jitter on the way out only",
    "chrony's asymjitter; its .1 s of jitter is 1 ms here; jitter and tick add up",
    {
      seconds: 100_000,
      sources: sources(3, () => ({ out: way(0.1, 1), back: way(0.1, 0.03) })),
      limits: { syncS: 1000, maxMs: 1.5, rmsMs: 0.5, frequencyPpm: 10 },
    },
  ),
  scenario("a third of all packets lost", "chrony's limits", {
    sources: sources(3, () => ({ answers: (_, random) => random.next() > 1 / 3 })),
  }),
  scenario(
    "every 20th packet arrives",
    "chrony's world; its limits times 4 and 3: a round rests on one or two answers",
    {
      seconds: 40_000,
      sources: sources(3, () => ({ answers: (_, random) => random.next() < 0.05 })),
      limits: { syncS: 4000, maxMs: 4, rmsMs: 1.2 },
    },
  ),
  scenario("connected 1200 s of every 10,000", "chrony: 2 ms rms", {
    seconds: 50_000,
    sources: sources(3, () => ({ answers: (elapsed) => elapsed % 10_000_000 < 1_200_000 })),
    limits: { syncS: 1200, maxMs: 20, rmsMs: 2, known: 0.3 },
    judge: ({ statuses }) => named("says that it runs free", statuses["free-running"] > 0, "it never said so"),
  }),
  ...[100_000, -100_000, 1e11, -1e11].map((by) =>
    scenario(`machine's clock set by ${by / second} s`, "chrony: external step; ours does not rest on that clock", {
      wall: stepAt(3000, by),
      judge: becomesUnknown,
    }),
  ),
  scenario("sleep of 600 s", "the base stands still; within two rounds of waking all is well again", {
    base: { sleeps: [{ fromMs: 3000 * second, untilMs: 3600 * second }] },
    wall: () => 0,
    limits: { ...usualLimits, syncS: 3700 },
    judge: becomesUnknown,
  }),
  scenario("sleep of 8 h", "the same past the panic limit", {
    seconds: 40_000,
    base: { sleeps: [{ fromMs: hour, untilMs: 9 * hour }] },
    wall: () => 0,
    limits: { ...usualLimits, syncS: 9 * 3600 + 100 },
    judge: becomesUnknown,
  }),
  scenario("world's time +1 s, stepped", "makestep: once a majority has said it twice", {
    civil: stepAt(3000, 1000),
    // Nobody can know it before asking again.
    excused: during(3000, 4200),
    limits: { ...usualLimits, syncS: 4200 },
    judge: becomesUnknown,
  }),
  scenario("world's time +1e8 s", "maxchange: panic, nothing promised, nothing steered", {
    civil: stepAt(3000, 1e11),
    excused: during(3000, 4200),
    limits: null,
    judge: (result) => [
      ...named("reason named", (result.refusals["panic"] ?? 0) > 0, JSON.stringify(result.refusals)),
      ...becomesUnknown(result),
    ],
  }),
  scenario("era 1 begins (2036-02-07)", "chrony's start, 06:19:56; default limits", {
    startUnixMs: Date.UTC(2036, 1, 7, 6, 19, 56),
    ntpStamps: true,
  }),
  scenario("1 liar of 5", "must synchronise, liar named", { sources: liars(1), judge: onlyLiarsCaught(1) }),
  scenario("2 liars of 5", "must synchronise, liars named", { sources: liars(2), judge: onlyLiarsCaught(2) }),
  scenario("2 liars of 5, by 20 ms", "as before", { sources: liars(2, 20), judge: onlyLiarsCaught(2) }),
  scenario("3 liars of 5", "must refuse, reason named", {
    sources: liars(3),
    limits: null,
    judge: refusesAll("no-majority"),
  }),
  scenario("4 liars of 5", "must refuse, reason named", {
    sources: liars(4),
    limits: null,
    judge: refusesAll("no-majority"),
  }),
  scenario("3 of 5 silent", "must refuse: silence makes no majority of the rest", {
    sources: sources(5, (position) => (position < 3 ? { answers: () => false } : {})),
    limits: null,
    judge: refusesAll("too-few-answers"),
  }),
  scenario("2 turn liars at 3000 s", "as 2 of 5, after a history of honesty", {
    sources: sources(5, (position) => (position < 2 ? { error: stepAt(3000, (position + 1) * 5000) } : {})),
    judge: onlyLiarsCaught(2),
  }),
  scenario("rate limit of 30 s", "must synchronise; once told, few questions are refused", {
    sources: sources(3, () => ({ minIntervalMs: 30_000 })),
    limits: { syncS: 600, maxMs: 2, rmsMs: 0.5 },
    judge: ({ asked, limited }) => named("keeps to the limit", limited < asked / 10, `${limited} of ${asked} refused`),
  }),
  scenario("ways of 60 and 20 ms", "20 ms of asymmetry nobody can see: only the promise is judged, and 21 ms", {
    sources: sources(3, () => fixedWays(60, 20)),
    limits: { syncS: 210, maxMs: 25, rmsMs: 21.5 },
  }),
  scenario("leap second, announced", "the promise holds throughout; right again when the majority has been heard", {
    startUnixMs: Date.UTC(2026, 11, 31, 23),
    sources: sources(3, () => ({ leap: (elapsed) => (elapsed < hour ? 1 : 0) })),
    civil: stepAt(3600, -1000),
    limits: { ...usualLimits, syncS: 4800 },
    recedes: during(3590, 3610),
    judge: ({ statuses }) => named("no doubt", statuses.unknown < 30, `${statuses.unknown} s unknown`),
  }),
  scenario("leap second, not announced", "a step of the world by -1 s: unknown until said twice", {
    startUnixMs: Date.UTC(2026, 11, 31, 23),
    civil: stepAt(3600, -1000),
    excused: during(3600, 4800),
    limits: { ...usualLimits, syncS: 5000 },
  }),
  scenario("tick of 3 ms", "the platform's precise_timers; three times the default limits", {
    sources: sources(3, () => ({ tickMs: 3 })),
    limits: { syncS: 210, maxMs: 3, rmsMs: 1.2 },
  }),
  scenario("own base of whole ms", "a Worker as client: another tick of 1 ms", {
    base: { tickMs: 1 },
    limits: { syncS: 210, maxMs: 2, rmsMs: 0.6 },
  }),
  scenario("five regions of the earth", "1 to 140 ms away, clocks off by up to 20 ms and saying 27", {
    sources: sources(5, (position) => ({
      ...fixedWays([0.5, 20, 45, 90, 140][position] ?? 0, [0.5, 22, 43, 85, 150][position] ?? 0),
      error: () => [-4, 12, -20, 3, 15][position] ?? 0,
      rootDispersionMs: 27,
    })),
    limits: { syncS: 210, maxMs: 27, rmsMs: 20 },
  }),
];
