/** Rounds, plans, and what is promised: with sources that answer at once, stepped by hand. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../src/support/random.ts";
import type { Answer } from "../../../src/time/answer.ts";
import type { Conclusion } from "../../../src/time/estimator.ts";
import type { Plan } from "../../../src/time/plan.ts";
import { defaultSettings } from "../../../src/time/settings.ts";
import { Synchroniser } from "../../../src/time/synchroniser.ts";
import type { Step } from "../../../src/time/synchroniser.ts";

const unixStart = Date.UTC(2026, 10, 23, 12);

/** A world in which an exchange takes 10 ms each way. `clock` is what a source shows; null: it does not answer. */
class World {
  readonly synchroniser: Synchroniser;
  readonly concluded: Conclusion[] = [];
  now = 0;
  asked = 0;
  #wakeAt = 0;
  readonly #clock: (source: string, unixMs: number) => number | null;

  constructor(sources: readonly string[], clock: (source: string, unixMs: number) => number | null, plan?: Plan) {
    this.#clock = clock;
    this.synchroniser = new Synchroniser(sources, defaultSettings, seededRandom(1), plan);
  }

  #take({ ask, wakeAt, concluded }: Step): void {
    this.#wakeAt = wakeAt;
    if (concluded !== null) this.concluded.push(concluded);
    for (const { id, source } of ask) {
      this.asked += 1;
      const shown = this.#clock(source, unixStart + this.now + 10);
      if (shown === null) continue;
      const answer: Answer = {
        t1: this.now,
        t2: shown,
        t3: shown,
        t4: this.now + 20,
        tickMs: 1,
        leap: 0,
        stratum: 3,
        rootDelayMs: 0,
        rootDispersionMs: 5,
      };
      this.#take(this.synchroniser.answer(id, answer, this.now + 20));
    }
  }

  runUntil(now: number): void {
    while (this.#wakeAt <= now) {
      this.now = Math.max(this.now, this.#wakeAt);
      this.#take(this.synchroniser.wake(this.now));
    }
    this.now = now;
  }
}

const three = ["weur", "enam", "apac"];
const honest = (_: string, unixMs: number): number => Math.floor(unixMs);

describe("what is promised", () => {
  it("nothing before the first agreement", () => {
    const world = new World(three, honest);
    expect(world.synchroniser.read(0)).toMatchObject({
      earliest: -Infinity,
      latest: Infinity,
      estimate: null,
      status: "unknown",
      reason: "not-started",
    });
  });

  it("an interval with the truth in it, that grows until somebody agrees again", () => {
    const world = new World(three, honest);
    world.runUntil(10_000);
    const { earliest, latest, estimate, status, voidAfter } = world.synchroniser.read(world.now);
    expect(status).toBe("synchronised");
    expect(earliest).toBeLessThanOrEqual(unixStart + 10_000);
    expect(latest).toBeGreaterThanOrEqual(unixStart + 10_000);
    expect(Math.abs((estimate ?? NaN) - unixStart - 10_000)).toBeLessThan(2);
    expect(voidAfter).toBeGreaterThan(unixStart + 3_500_000);
    const later = world.synchroniser.read(world.now + 20_000);
    expect(later.latest - later.earliest).toBeGreaterThan(latest - earliest);
  });

  it("after three missed rounds it runs free, and is unknown once void", () => {
    let on = true;
    const world = new World(three, (source, unixMs) => (on ? honest(source, unixMs) : null));
    world.runUntil(10_000);
    on = false;
    world.runUntil(100_000);
    expect(world.synchroniser.read(world.now)).toMatchObject({ status: "free-running", reason: "no-answers" });
    const { voidAfter } = world.synchroniser.read(world.now);
    world.runUntil(voidAfter - unixStart - 2000);
    expect(world.synchroniser.read(world.now).status).toBe("free-running");
    world.runUntil(voidAfter - unixStart + 2000);
    expect(world.synchroniser.read(world.now)).toMatchObject({
      status: "unknown",
      earliest: -Infinity,
      reason: "void",
    });
  });

  it("a jump of wall clock against base is a doubt until a majority has spoken", () => {
    const world = new World(three, honest);
    world.runUntil(10_000);
    expect(world.synchroniser.observe(10_000, unixStart)).toBe(false);
    expect(world.synchroniser.observe(10_001, unixStart + 4000)).toBe(false);
    expect(world.synchroniser.observe(10_002, unixStart + 60_000)).toBe(true);
    expect(world.synchroniser.read(10_002)).toMatchObject({ status: "unknown", reason: "disrupted" });
  });

  it("never steers without a majority, whoever answers what", () => {
    const kinds = fc.array(fc.constantFrom("honest", "silent", "liar"), { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(kinds, (kinds) => {
        const names = kinds.map((kind, i) => `${kind}-${i}`);
        const world = new World(names, (source, unixMs) => {
          const [kind, i] = source.split("-");
          return kind === "silent" ? null : Math.floor(unixMs) + (kind === "liar" ? 5000 * (Number(i) + 1) : 0);
        });
        world.runUntil(60_000);
        const good = kinds.filter((kind) => kind === "honest").length;
        // One that is alone is a majority of one, even if it lies.
        const majority = good > kinds.length / 2 || (kinds.length === 1 && kinds[0] === "liar");
        expect(world.concluded.some(({ type }) => type === "steered")).toBe(majority);
        for (const conclusion of world.concluded)
          if (conclusion.type === "refused")
            expect(["no-answers", "too-few-answers", "no-majority"]).toContain(conclusion.reason);
      }),
      { numRuns: 60 },
    );
  });
});

describe("rounds and plans", () => {
  it("begins with eight exchanges each, and goes on with four, ever more seldom", () => {
    const world = new World(three, honest);
    world.runUntil(5000);
    expect(world.asked).toBe(24);
    world.runUntil(25_000);
    expect(world.asked).toBe(36);
    world.runUntil(20_000_000);
    expect(world.concluded.length).toBeLessThan(80);
  });

  it("once: tries until it has worked, then never again", () => {
    let on = false;
    const world = new World(three, (source, unixMs) => (on ? honest(source, unixMs) : null), { type: "once" });
    world.runUntil(60_000);
    expect(world.concluded.length).toBeGreaterThan(1);
    on = true;
    world.runUntil(120_000);
    const { asked } = world;
    world.runUntil(10_000_000);
    expect(world.asked).toBe(asked);
    expect(world.concluded.at(-1)).toMatchObject({ type: "steered" });
  });

  it("daily: at once, and at the set time", () => {
    const world = new World(three, honest, { type: "daily", atMs: 13 * 3_600_000 });
    world.runUntil(3_590_000);
    expect(world.concluded).toHaveLength(1);
    world.runUntil(3_620_000);
    expect(world.concluded).toHaveLength(2);
    world.runUntil(3_600_000 + 86_390_000);
    expect(world.concluded).toHaveLength(2);
    world.runUntil(3_600_000 + 86_420_000);
    expect(world.concluded).toHaveLength(3);
  });

  it("asks nobody who forbade it, and takes each answer once", () => {
    const synchroniser = new Synchroniser(["one"], defaultSettings, seededRandom(1));
    let step = synchroniser.wake(0);
    while (step.ask.length === 0) step = synchroniser.wake(step.wakeAt);
    const [question] = step.ask;
    const id = question?.id ?? 0;
    step = synchroniser.failure(id, { type: "denied" }, 100);
    expect(step.concluded).toEqual({ type: "refused", reason: "no-answers" });
    // An answer to a question that is answered already.
    const answer = { t1: 0, t2: 5, t3: 5, t4: 10, tickMs: 1, leap: 0, stratum: 3, rootDelayMs: 0, rootDispersionMs: 0 };
    expect(synchroniser.answer(id, answer, 110).concluded).toBeNull();
    step = synchroniser.wake(step.wakeAt);
    expect(step.ask).toEqual([]);
    expect(step.concluded).toEqual({ type: "refused", reason: "no-answers" });
  });
});
