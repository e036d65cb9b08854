/** The Checker's plan, stepped by hand: no clock but the test's, no network, no storage. */
import { beforeEach, describe, expect, it } from "vitest";
import { CheckPlan, nameOf } from "../../../src/registry/check-plan.ts";
import type { Kept, PlanEvent, PlanOutcome, Run } from "../../../src/registry/check-plan.ts";
import { dueAfter } from "../../../src/registry/check-times.ts";
import { agentNode } from "../../../src/registry/keys.ts";
import type { CheckDefinition, CheckPlace, CheckState } from "../../../src/registry/model.ts";
import { regionName, revision } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { checkOf, checks, instanceOf, serviceOf } from "./examples.ts";

type Http = Extract<CheckDefinition, { readonly kind: "http" }>;
const front: Http = { ...checks[1], failuresBeforeCritical: 0 };
const passing: CheckState = { status: "passing", output: "fine" };
const critical: CheckState = { status: "critical", output: "broken" };
const silent: CheckState = { status: "critical", output: "" };

function placed(
  definition: CheckDefinition,
  state: CheckState,
  { instance = "web-1", modified = 3, created = 2 }: { instance?: string; modified?: number; created?: number } = {},
): CheckPlace {
  return {
    node: agentNode,
    service: serviceOf("web"),
    instance: instanceOf(instance),
    region: regionName("weur"),
    tags: [],
    view: { definition, ...state, createRevision: revision(created), modRevision: revision(modified) },
  };
}

/** A shell without I/O: keeps what it is told to keep, and forgets all else when it sleeps. */
class Shell {
  now = 1_800_000_000_000;
  readonly kept = new Map<string, Kept>();
  armedUntil = 0;
  wakeAt: number | null = null;
  rowsWritten = 0;
  last!: PlanOutcome;
  /** What it was told to run, and has not answered yet. */
  runs: Run[] = [];
  dead: PlanOutcome["remove"][number][] = [];
  #plan = new CheckPlan(this.kept, 0, this.now);

  step(event: PlanEvent): PlanOutcome {
    this.last = this.#plan.step(event, this.now);
    for (const [name, kept] of this.last.keep) {
      this.rowsWritten += 1;
      if (kept === null) this.kept.delete(name);
      else this.kept.set(name, kept);
    }
    this.armedUntil = this.last.armedUntil ?? this.armedUntil;
    this.wakeAt = this.last.wakeAt;
    this.runs.push(...this.last.run);
    this.dead.push(...this.last.remove);
    return this.last;
  }

  /** To the next alarm. */
  ring(): PlanOutcome {
    if (this.wakeAt === null) throw new Error("nothing wakes it any more");
    this.now = Math.max(this.now, this.wakeAt);
    return this.step({ type: "wake" });
  }

  sleep(): void {
    this.runs = [];
    this.#plan = new CheckPlan(this.kept, this.armedUntil, this.wakeAt ?? this.now);
  }

  list(...places: readonly CheckPlace[]): PlanOutcome {
    return this.step({ type: "listed", checks: places, revision: 100 });
  }

  /** Everything that is to be run comes to this. @returns what is to be written for it. */
  answer(state: CheckState): PlanOutcome["write"] {
    const runs = this.runs;
    this.runs = [];
    return runs.flatMap((run) => this.step({ type: "ran", run, state }).write);
  }

  /** Rings until a run is due, answering looks with this list. */
  untilRun(...places: readonly CheckPlace[]): readonly Run[] {
    for (let turn = 0; turn < 100; turn += 1) {
      if (this.ring().look !== null) this.list(...places);
      if (this.runs.length > 0) return this.runs;
    }
    throw new Error("nothing is run");
  }
}

let shell: Shell;
beforeEach(() => {
  shell = new Shell();
});

/** Armed, woken, and told of these. */
function begun(...places: readonly CheckPlace[]): readonly Run[] {
  shell.step({ type: "arm" });
  shell.ring();
  shell.list(...places);
  return shell.runs;
}

/** The same, and on until one of them is run. */
const running = (...places: readonly CheckPlace[]): readonly Run[] =>
  begun(...places).length > 0 ? shell.runs : shell.untilRun(...places);

describe("a Checker that is told that a check comes", () => {
  it("looks soon, and again until the write can come no more, and then asks all", () => {
    expect(shell.step({ type: "arm" })).toMatchObject({ look: null, wakeAt: shell.now + limits.checkLookMs });
    const armedAt = shell.now;
    expect(shell.armedUntil).toBeGreaterThanOrEqual(armedAt + limits.commandLifeMs);
    const looks: string[] = [];
    while (shell.wakeAt !== null) {
      const { look } = shell.ring();
      looks.push(`${look} ${Math.round((shell.now - armedAt) / 1000)}`);
      shell.list();
    }
    expect(looks).toEqual(["near 1", "near 3", "near 7", "near 15", "near 23", "near 31", "near 39", "certain 40"]);
    expect(shell.kept.size).toBe(0);
  });

  it("goes on from where it was after a sleep", () => {
    shell.step({ type: "arm" });
    for (;;) {
      shell.sleep();
      const { look } = shell.ring();
      shell.list();
      if (look === "certain") break;
    }
    expect(shell.wakeAt).toBeNull();
  });

  it("is armed anew by each telling, at the cost of a row once in a while", () => {
    shell.step({ type: "arm" });
    const first = shell.armedUntil;
    shell.now += limits.checkArmMs - 1;
    expect(shell.step({ type: "arm" }).armedUntil).toBeNull();
    shell.now += 2;
    expect(shell.step({ type: "arm" }).armedUntil).toBe(shell.now + 2 * limits.checkArmMs);
    expect(shell.armedUntil).toBeGreaterThan(first);
  });

  it("is not over when another telling comes while it asks all", () => {
    shell.step({ type: "arm" });
    while (shell.ring().look !== "certain") shell.list();
    shell.step({ type: "arm" });
    expect(shell.list().wakeAt).not.toBeNull();
  });

  it("asks again, not too often, when nobody answers", () => {
    shell.step({ type: "arm" });
    shell.ring();
    expect(shell.step({ type: "unlisted" }).wakeAt).toBe(shell.now + limits.checkAgainMs);
    expect(shell.ring().look).toBe("near");
  });
});

describe("running", () => {
  it("runs a new check at once, and then at its own moments", () => {
    expect(begun(placed(front, silent))).toHaveLength(1);
    shell.answer(passing);
    const name = nameOf(placed(front, silent));
    expect(shell.wakeAt).toBeLessThanOrEqual(dueAfter(name, front, shell.now));
    expect(shell.untilRun(placed(front, passing))).toHaveLength(1);
    const late = shell.now - dueAfter(name, front, shell.now - front.intervalMs);
    expect(late).toBeLessThanOrEqual(limits.checkTickMs);
  });

  it("runs as often after every sleep, and keeps nothing of a check that is as it was", () => {
    begun(placed(front, silent));
    for (const { name } of shell.answer(passing)) shell.step({ type: "written", name, state: passing, revision: 50 });
    let runs = 0;
    const from = shell.now;
    while (shell.now < from + 600_000) {
      shell.sleep();
      if (shell.ring().look !== null) shell.list(placed(front, passing));
      runs += shell.runs.length;
      expect(shell.answer(passing)).toEqual([]);
    }
    expect(runs).toBeGreaterThanOrEqual(60);
    expect(runs).toBeLessThanOrEqual(61);
    expect(shell.rowsWritten).toBe(0);
  });

  it("runs no more at once than there are connections, and the rest as they become free", () => {
    const many = Array.from({ length: 20 }, (_, i) => placed(front, silent, { instance: `i${i}` }));
    begun(...many);
    const seen = new Set<string>();
    for (;;) {
      expect(shell.runs.length).toBeLessThanOrEqual(limits.checksAtOnce);
      const run = shell.runs.shift();
      if (run === undefined) break;
      expect(seen).not.toContain(run.name);
      seen.add(run.name);
      shell.step({ type: "ran", run, state: passing });
    }
    expect(seen.size).toBe(20);
  });

  it("does not wait for a slow one before it runs another", () => {
    const both = [placed(front, silent), placed({ ...front, intervalMs: 1000 }, silent, { instance: "quick" })];
    begun(...both);
    const quick = shell.runs.pop();
    if (quick?.definition.intervalMs !== 1000) throw new Error("both run");
    shell.runs = [];
    shell.step({ type: "ran", run: quick, state: passing });
    expect(shell.untilRun(...both)).toMatchObject([{ definition: { intervalMs: 1000 } }]);
  });

  it("takes another definition of the same name as another check: the old one's answer counts for nothing", () => {
    running(placed(front, passing));
    const old = shell.runs.pop();
    const other = { ...front, url: "https://example.org/other" };
    while (shell.ring().look === null);
    expect(shell.list(placed(other, passing)).run).toMatchObject([{ definition: { url: other.url } }]);
    if (old === undefined) throw new Error("it was run");
    expect(shell.step({ type: "ran", run: old, state: critical }).write).toEqual([]);
  });

  it("looks after no more than it can, and says how many are left out", () => {
    const many = Array.from({ length: limits.checksPerRegion + 2 }, (_, i) =>
      placed(front, silent, { instance: `i${i}` }),
    );
    const plan = new CheckPlan(new Map(), 0, shell.now);
    plan.step({ type: "wake" }, shell.now);
    plan.step({ type: "listed", checks: many, revision: 1 }, shell.now);
    expect(plan.size).toEqual({ checks: limits.checksPerRegion, unserved: 2 });
  });

  it("is not put to sleep for ever by a clock that was set back", () => {
    begun(placed(front, passing));
    shell.answer(passing);
    shell.now -= 86_400_000;
    expect(shell.step({ type: "wake" }).wakeAt).toBeLessThanOrEqual(shell.now + front.intervalMs);
  });

  it("leaves nothing behind when the last check is gone", () => {
    running(placed({ ...front, successBeforePassing: 9 }, critical));
    shell.answer(passing);
    expect(shell.kept.size).toBe(1);
    let looks = 0;
    while (shell.wakeAt !== null && looks < 50) {
      if (shell.ring().look !== null) shell.list();
      looks += 1;
    }
    expect(shell.wakeAt).toBeNull();
    expect(shell.kept.size).toBe(0);
  });

  it("moments of one interval are few, and the same for everybody", () => {
    const moments = new Set(
      Array.from({ length: 1000 }, (_, i) => dueAfter(`check-${i}`, front, shell.now) % front.intervalMs),
    );
    expect(moments.size).toBeLessThanOrEqual(8);
    expect(moments.size).toBeGreaterThan(4);
    for (const after of [0, 1, 999, 10_000, 123_456]) {
      const at = dueAfter("a", front, after);
      expect(at).toBeGreaterThan(after);
      expect(at - after).toBeLessThanOrEqual(front.intervalMs);
      expect(dueAfter("a", front, at - 1)).toBe(at);
    }
  });
});

describe("what is written", () => {
  it("nothing, as long as a check says the same", () => {
    running(placed(front, passing));
    expect(shell.answer(passing)).toEqual([]);
  });

  it("another status, and once only while that is under way", () => {
    running(placed(front, passing));
    expect(shell.answer(critical)).toMatchObject([{ state: critical }]);
    shell.untilRun(placed(front, passing));
    expect(shell.answer(critical)).toEqual([]);
  });

  it("what it says first, though the status stays", () => {
    begun(placed(front, silent));
    expect(shell.answer(critical)).toMatchObject([{ state: critical }]);
  });

  it("again after a write that came to nothing", () => {
    const place = placed({ ...front, failuresBeforeCritical: 3 }, passing);
    running(place);
    for (let run = 1; run < 3; run += 1) {
      expect(shell.answer(critical)).toEqual([]);
      shell.untilRun(place);
    }
    const [write] = shell.answer(critical);
    shell.step({ type: "written", name: write?.name ?? "", state: critical, revision: null });
    shell.untilRun(place);
    expect(shell.answer(critical)).toHaveLength(1);
  });

  it("not what an older list makes of it", () => {
    running(placed(front, passing));
    const [write] = shell.answer(critical);
    shell.step({ type: "written", name: write?.name ?? "", state: critical, revision: 200 });
    // The list is of revision 100.
    shell.untilRun(placed(front, passing));
    expect(shell.answer(critical)).toEqual([]);
  });

  it("other words for the same status at most once a minute", () => {
    running(placed(front, passing));
    let said = passing;
    let written = 0;
    const from = shell.now;
    for (let count = 0; shell.now < from + 600_000; count += 1) {
      for (const { name, state } of shell.answer({ status: "passing", output: `at ${count}` })) {
        written += 1;
        said = state;
        shell.step({ type: "written", name, state, revision: 60 });
      }
      shell.sleep();
      shell.untilRun(placed(front, said));
    }
    expect(written).toBeGreaterThanOrEqual(9);
    expect(written).toBeLessThanOrEqual(11);
  });
});

describe("thresholds", () => {
  it("are counted over sleeps, in one row that goes when the count does", () => {
    const place = placed({ ...front, failuresBeforeCritical: 3 }, passing);
    running(place);
    for (let run = 1; run < 3; run += 1) {
      expect(shell.answer(critical)).toEqual([]);
      expect([...shell.kept.values()]).toMatchObject([{ streak: run }]);
      shell.sleep();
      shell.untilRun(place);
    }
    const [write] = shell.answer(critical);
    shell.step({ type: "written", name: write?.name ?? "", state: critical, revision: 50 });
    expect(shell.kept.size).toBe(0);
  });
});

describe("an instance that is critical for too long", () => {
  const mortal: Http = { ...front, deregisterAfterMs: 60_000 };

  /** Lets time pass with this list. @returns after how long it was to be removed, or null. */
  function dies(place: () => CheckPlace, result: CheckState, atMost: number, sleeps = true): number | null {
    const from = shell.now;
    shell.dead = [];
    while (shell.wakeAt !== null && shell.wakeAt - from <= atMost) {
      if (sleeps) shell.sleep();
      if (shell.ring().look !== null) shell.list(place());
      shell.answer(result);
      if (shell.dead.length > 0) return shell.now - from;
    }
    return null;
  }

  it.each([true, false])("is removed then and not before (it sleeps between: %s)", (sleeps) => {
    begun(placed(mortal, critical));
    shell.answer(critical);
    const after = dies(() => placed(mortal, critical), critical, 300_000, sleeps);
    expect(after).toBeGreaterThanOrEqual(60_000);
    expect(after).toBeLessThanOrEqual(70_000);
    expect(shell.dead).toMatchObject([{ of: { service: "web", instance: "web-1" } }]);
  });

  it("stays when it was better in between", () => {
    begun(placed(mortal, critical));
    expect(dies(() => placed(mortal, critical), critical, 50_000)).toBeNull();
    if (shell.ring().look !== null) shell.list(placed(mortal, passing));
    expect(shell.kept.size).toBe(0);
    expect(dies(() => placed(mortal, critical), critical, 50_000)).toBeNull();
  });

  it("begins anew when it was registered anew while nobody looked", () => {
    begun(placed(mortal, critical));
    expect(dies(() => placed(mortal, critical), critical, 50_000)).toBeNull();
    const anew = () => placed(mortal, critical, { created: 40, modified: 40 });
    expect(dies(anew, critical, 50_000)).toBeNull();
    expect(dies(anew, critical, 30_000)).not.toBeNull();
  });

  it("is tried again when it could not be removed, not at once", () => {
    begun(placed(mortal, critical));
    expect(dies(() => placed(mortal, critical), critical, 300_000, false)).not.toBeNull();
    const name = shell.dead[0]?.name ?? "";
    const failedAt = shell.now;
    shell.step({ type: "removed", name, done: false });
    expect(dies(() => placed(mortal, critical), critical, 300_000, false)).not.toBeNull();
    expect(shell.now - failedAt).toBeGreaterThanOrEqual(limits.checkAgainMs - 50);
    shell.step({ type: "removed", name, done: true });
    expect(shell.kept.size).toBe(0);
  });

  it.each([
    ["plain", { ...checks[4], deregisterAfterMs: 60_000 }],
    ["alias", { ...checks[3], deregisterAfterMs: 60_000 }],
  ] as const)("of a check of kind %s too, which it finds by looking", (_, definition) => {
    begun(placed(definition, passing));
    expect(dies(() => placed(definition, passing), passing, 300_000)).toBeNull();
    const after = dies(() => placed(definition, critical), critical, 300_000);
    expect(after).toBeGreaterThanOrEqual(60_000);
    expect(after).toBeLessThanOrEqual(60_000 + 60_000);
  });

  it("of a plain check begins anew when that was set anew", () => {
    const plain: CheckDefinition = { ...checks[4], deregisterAfterMs: 60_000 };
    let modified = 3;
    begun(placed(plain, critical));
    for (let turn = 0; turn < 4; turn += 1) {
      modified += 1;
      expect(dies(() => placed(plain, critical, { modified }), critical, 45_000)).toBeNull();
    }
  });

  it("never goes by a node's check, nor by one with a ttl, which its lease ends", () => {
    const ofNode = { ...placed(mortal, critical), service: null, instance: null, region: null };
    const beat: CheckDefinition = { ...checks[0], deregisterAfterMs: 60_000 };
    begun(ofNode, placed(beat, critical));
    expect(dies(() => ofNode, critical, 300_000)).toBeNull();
  });

  it("is of no concern without it", () => {
    const plain: CheckDefinition = { ...checks[4], check: checkOf("x") };
    begun(placed(plain, critical));
    while (shell.wakeAt !== null) if (shell.ring().look !== null) shell.list(placed(plain, critical));
    expect(shell.wakeAt).toBeNull();
  });
});
