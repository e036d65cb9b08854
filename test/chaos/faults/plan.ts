/**
 * Which faults come when, drawn from a seed before anything starts: the same seed, minutes and disks give the same plan.
 * Whom it hits can depend on the run, because "the leader" is whoever leads then; and the machine's own timing is its own.
 */
import { integerBetween, type Random } from "../../../src/support/random.ts";

/** The leader, or the named region while nobody is known to lead. */
export interface Target {
  readonly leader: boolean;
  readonly region: string;
}

export type RegionFault =
  /** SIGKILL, and a start on the same data. */
  | { readonly kind: "kill"; readonly target: Target }
  /** SIGTERM, and a start once it has ended. */
  | { readonly kind: "clean restart"; readonly target: Target }
  /** SIGSTOP, then SIGCONT. */
  | { readonly kind: "pause"; readonly target: Target }
  | { readonly kind: "long absence"; readonly target: Target }
  | { readonly kind: "disk full"; readonly target: Target; readonly killed: boolean }
  /** All but one killed or paused. */
  | { readonly kind: "majority killed"; readonly spared: Target }
  | { readonly kind: "majority paused"; readonly spared: Target }
  | { readonly kind: "all killed" };

export type LinkFault =
  | { readonly kind: "one-way cut"; readonly from: string; readonly to: string }
  | { readonly kind: "two-way cut"; readonly from: string; readonly to: string }
  /** Every link of one region: what it says, what it hears, or both. */
  | { readonly kind: "isolation"; readonly target: Target; readonly mute: boolean; readonly deaf: boolean }
  | { readonly kind: "delay"; readonly from: string; readonly to: string; readonly delayMs: number }
  | { readonly kind: "delay everywhere"; readonly delayMs: number };

export interface Step<Fault> {
  /** Quiet before it. */
  readonly afterMs: number;
  readonly fault: Fault;
  readonly holdMs: number;
}

/** Two hands that work at the same time, each one fault after the other. */
export interface Plan {
  readonly regions: readonly Step<RegionFault>[];
  readonly links: readonly Step<LinkFault>[];
}

export interface Frame {
  readonly names: readonly string[];
  readonly totalMs: number;
  readonly disks: boolean;
}

const regionKinds: readonly RegionFault["kind"][] = [
  "kill",
  "kill",
  "pause",
  "pause",
  "clean restart",
  "disk full",
  "long absence",
  "majority killed",
  "majority paused",
  "all killed",
];
const linkKinds: readonly LinkFault["kind"][] = [
  "one-way cut",
  "one-way cut",
  "two-way cut",
  "isolation",
  "isolation",
  "delay",
  "delay everywhere",
];

export function drawPlan(random: Random, frame: Frame): Plan {
  const kinds = regionKinds.filter((kind) => frame.disks || kind !== "disk full");
  return {
    regions: fill(random, frame, kinds, (kind) => regionFault(random, frame, kind)),
    links: fill(random, frame, linkKinds, (kind) => linkFault(random, frame, kind)),
  };
}

/** Deals the kinds like cards: each comes once before any comes again, so that short runs are varied too. */
function fill<Kind extends string, Fault extends { readonly kind: Kind }>(
  random: Random,
  { totalMs }: Frame,
  kinds: readonly Kind[],
  draw: (kind: Kind) => Fault,
): readonly Step<Fault>[] {
  const steps: Step<Fault>[] = [];
  let deck: Kind[] = [];
  for (let at = 0; at < totalMs;) {
    if (deck.length === 0) deck = shuffled(random, kinds);
    const kind = deck.pop();
    if (kind === undefined) break;
    const step = {
      afterMs: integerBetween(random, 300, 2_500),
      fault: draw(kind),
      holdMs: holding(random, kind, totalMs),
    };
    steps.push(step);
    at += step.afterMs + step.holdMs;
  }
  return steps;
}

/** Milliseconds, shortest and longest, where a kind differs from the others. */
const holds: Readonly<Record<string, readonly [number, number]>> = {
  kill: [0, 3_000],
  "clean restart": [0, 500],
  pause: [200, 8_000],
  "long absence": [8_000, 25_000],
  "disk full": [3_000, 8_000],
  "all killed": [0, 1_500],
};
const usualHold: readonly [number, number] = [500, 6_000];

/** No single fault fills more than this part of a run. */
const largestShare = 0.12;

function holding(random: Random, kind: string, totalMs: number): number {
  const [shortest, longest] = holds[kind] ?? usualHold;
  const limit = Math.round(totalMs * largestShare);
  return integerBetween(random, Math.min(shortest, limit), Math.min(longest, limit));
}

function regionFault(random: Random, { names }: Frame, kind: RegionFault["kind"]): RegionFault {
  const target = drawTarget(random, names);
  switch (kind) {
    case "kill":
    case "clean restart":
    case "pause":
    case "long absence":
      return { kind, target };
    case "disk full":
      return { kind, target, killed: random.next() < 0.5 };
    case "majority killed":
    case "majority paused":
      return { kind, spared: target };
    case "all killed":
      return { kind };
  }
}

function linkFault(random: Random, { names }: Frame, kind: LinkFault["kind"]): LinkFault {
  const [from = "", to = ""] = shuffled(random, names);
  switch (kind) {
    case "one-way cut":
    case "two-way cut":
      return { kind, from, to };
    case "isolation": {
      const way = integerBetween(random, 0, 2);
      return { kind, target: drawTarget(random, names), mute: way !== 0, deaf: way !== 1 };
    }
    case "delay":
      return { kind, from, to, delayMs: integerBetween(random, 20, 600) };
    case "delay everywhere":
      return { kind, delayMs: integerBetween(random, 10, 120) };
  }
}

const drawTarget = (random: Random, names: readonly string[]): Target => ({
  leader: random.next() < 0.4,
  region: names[integerBetween(random, 0, names.length - 1)] ?? "",
});

function shuffled<Item>(random: Random, items: readonly Item[]): Item[] {
  const rest = [...items];
  return items.flatMap(() => rest.splice(integerBetween(random, 0, rest.length - 1), 1));
}
