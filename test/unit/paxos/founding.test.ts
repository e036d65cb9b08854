/** Founding: how acceptors become one set, and how others find out which. Run against acceptors in memory. */
import { expect, test } from "vitest";
import { startFounding, stepFounding } from "../../../src/paxos/founding.ts";
import type { Founding, FoundingResult, FoundingStep } from "../../../src/paxos/founding.ts";
import type { Identity } from "../../../src/paxos/messages.ts";
import { emptyStorage, enrolledAcceptors, MemoryAcceptor, namespace } from "../../support/memory-acceptor.ts";
import { members } from "./builders.ts";

const regions = ["a", "b", "c"];
const acceptorsIn = (names: readonly string[] = regions): readonly MemoryAcceptor[] =>
  names.map((region) => new MemoryAcceptor(region));

const enrolled: Identity = { type: "enrolled", incarnation: "c-0000000001", members, open: false };

interface Run {
  readonly result: FoundingResult | null;
  /** What was sent, round by round. */
  readonly rounds: readonly string[];
}

/** Carries messages to all who can be reached until there is a result; `rounds` bounds how many rounds are delivered. */
function run(
  mode: Founding["mode"],
  acceptors: readonly MemoryAcceptor[],
  { unreachable = [], rounds: most = 9, configured = regions }: RunOptions = {},
): Run {
  let step = startFounding(mode, "test", configured);
  let result: FoundingResult | null = null;
  const rounds: string[] = [];
  while (step.send.length > 0 && rounds.length < most) {
    rounds.push(step.send[0]?.body.type ?? "");
    let next: FoundingStep = { ...step, send: [] };
    for (const { to, body } of step.send) {
      const acceptor = unreachable.includes(to) ? undefined : acceptors.find((a) => a.region === to);
      const reply = acceptor?.receive({ type: "founding", namespace, region: to, body });
      if (result !== null) continue;
      const taken = stepFounding(next.state, to, reply?.type === "identity" ? reply.identity : null);
      result = taken.result;
      next = taken.send.length > 0 || taken.result !== null ? taken : { ...next, state: taken.state };
    }
    step = next;
  }
  return { result, rounds };
}

interface RunOptions {
  readonly unreachable?: readonly string[];
  readonly rounds?: number;
  readonly configured?: readonly string[];
}

/** One answer of each, to somebody who only looks. */
function look(answers: Readonly<Record<string, Identity | null>>): FoundingResult | null {
  let { state } = startFounding("look", "test", regions);
  for (const [region, identity] of Object.entries(answers)) {
    const step = stepFounding(state, region, identity);
    if (step.result !== null) return step.result;
    state = step.state;
  }
  return null;
}

test("[F3] founding asks, mints, enrols, and opens only then", () => {
  const acceptors = acceptorsIn();
  expect(run("found", acceptors)).toEqual({
    result: { type: "founded", members },
    rounds: ["identify", "mint", "enrol", "open"],
  });
  for (const { storage } of acceptors) expect(storage.enrolment).toMatchObject({ members, open: true });
});

test("[F3] nobody is opened and nothing is founded while one acceptor has not stored the set", () => {
  const acceptors = acceptorsIn();
  run("found", acceptors, { rounds: 2 });
  const { result } = run("found", acceptors, { unreachable: ["c"] });
  expect(result).toEqual({ type: "unreachable", regions: ["c"] });
  expect(acceptors.map((a) => a.storage.enrolment?.open)).toEqual([false, false, false]);
});

test("[F3] a round goes on only when every acceptor has answered it", () => {
  const { state } = startFounding("found", "test", regions);
  const a = stepFounding(state, "a", { type: "empty" });
  const b = stepFounding(a.state, "b", { type: "empty" });
  expect([a.send, b.send]).toEqual([[], []]);
  expect(stepFounding(b.state, "c", { type: "empty" }).send).toHaveLength(3);
});

test("[F3] one acceptor that knows the set to be complete is enough", () => {
  const [a, ...others] = enrolledAcceptors(members);
  expect(a).toBeDefined();
  expect(run("look", a === undefined ? [] : [a], { unreachable: ["b", "c"] }).result).toEqual({
    type: "founded",
    members,
  });
  expect(run("found", others).result).toEqual({ type: "founded", members });
});

test("[F2] a founding that stopped half-way is resumed with the same set", () => {
  for (const rounds of [1, 2, 3]) {
    const acceptors = acceptorsIn();
    run("found", acceptors, { rounds });
    for (const acceptor of acceptors) acceptor.fresh = "another-one";
    const { result } = run("found", acceptors);
    expect(result?.type).toBe("founded");
    const stored = acceptors.map((a) => JSON.stringify(a.storage.enrolment?.members));
    expect(new Set(stored).size).toBe(1);
    expect(stored[0]?.includes("another-one")).toBe(rounds === 1);
  }
});

test("[F2] two founders at once arrive at one set", () => {
  const acceptors = acceptorsIn();
  run("found", acceptors, { rounds: 2 });
  run("found", acceptors, { rounds: 3 });
  expect(run("found", acceptors).result).toEqual({ type: "founded", members });
});

test("[F2] an acceptor that was emptied before the founding was complete stops it", () => {
  const acceptors = acceptorsIn();
  run("found", acceptors, { rounds: 3 });
  const emptied = acceptors.find((a) => a.region === "b");
  if (emptied !== undefined) Object.assign(emptied, { storage: emptyStorage, fresh: "another-one" });
  expect(run("found", acceptors).result).toEqual({ type: "conflict", region: "b" });
});

test("[F2] a retired acceptor stops a founding", () => {
  const { state } = startFounding("found", "test", regions);
  const a = stepFounding(state, "a", { type: "empty" });
  const b = stepFounding(a.state, "b", { type: "retired", reason: "restored" });
  expect(stepFounding(b.state, "c", { type: "empty" }).result).toEqual({ type: "conflict", region: "b" });
});

test("[F2] data founded with other regions is not founded again", () => {
  const acceptors = [...enrolledAcceptors(members), new MemoryAcceptor("d")];
  const { result } = run("found", acceptors, { configured: ["a", "b", "d"] });
  expect(result).toEqual({ type: "wrong-regions", founded: ["a", "b", "c"] });
  expect(acceptors.at(-1)?.storage).toEqual(emptyStorage);
});

test("[Q2] a second answer in one round, or a stranger's, changes nothing", () => {
  const { state } = startFounding("found", "test", regions);
  const once = stepFounding(state, "a", { type: "empty" });
  expect(stepFounding(once.state, "a", { type: "retired", reason: "x" }).state).toBe(once.state);
  expect(stepFounding(state, "elsewhere", enrolled).state).toBe(state);
});

test("[F6] looking writes nothing anywhere", () => {
  const acceptors = acceptorsIn();
  expect(run("look", acceptors)).toEqual({ result: { type: "unfounded" }, rounds: ["identify"] });
  for (const { storage } of acceptors) expect(storage).toBe(emptyStorage);
});

test("[F6] looking says unfounded when all were heard, and a majority answers that it knows no complete set", () => {
  expect(look({ a: { type: "empty" }, b: { type: "empty" } })).toBeNull();
  expect(look({ a: { type: "empty" }, b: { type: "empty" }, c: null })).toEqual({ type: "unfounded" });
  const minted = { type: "minted", incarnation: "a-0000000001" } as const;
  expect(look({ a: minted, b: null, c: { type: "empty" } })).toEqual({ type: "unfounded" });
});

test("[F6] two emptied acceptors that answer first do not hide the third, which knows the set", () => {
  expect(look({ a: { type: "empty" }, b: { type: "empty" }, c: enrolled })?.type).not.toBe("unfounded");
});

test("[F6] looking says unreachable, and not unfounded, without a majority", () => {
  expect(look({ a: { type: "empty" }, b: null, c: null })).toEqual({ type: "unreachable", regions: ["b", "c"] });
});

test("[F6] what a majority of acceptors took part in is never called unfounded: one retired since", () => {
  // A choice was made by a and b alone, and then b noticed that it was restored from a copy.
  const retired = { type: "retired", reason: "restored" } as const;
  expect(look({ b: retired, c: enrolled, a: null })).not.toEqual({ type: "unfounded" });
});

test("[F6] what a majority of acceptors took part in is never called unfounded: one was emptied since", () => {
  // The set that c stores names an incarnation of b, so b held one before it was emptied: the set may be complete.
  expect(look({ b: { type: "empty" }, c: enrolled, a: null })).not.toEqual({ type: "unfounded" });
  const again = { type: "minted", incarnation: "b-0000000002" } as const;
  expect(look({ b: again, c: enrolled, a: null })).not.toEqual({ type: "unfounded" });
});
