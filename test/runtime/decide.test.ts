/** Decisions when acceptors are silent: the real ones, behind a transport that loses what the test wants lost. */
import { describe, expect, it } from "vitest";
import { textOf, utf8 } from "../../src/support/bytes.ts";
import { decodeAcceptorRequest } from "../../src/wire/acceptor-codec.ts";
import type { AcceptorRequest } from "../../src/paxos/messages.ts";
import { decisionDeadline, inquire, propose } from "../../workers/gateway/decide.ts";
import { Problem } from "../../workers/gateway/problems.ts";
import type { Visit } from "../../workers/gateway/visit.ts";
import { freshNamespace, statusOf } from "./api.ts";
import { visitWith } from "./visits.ts";

type Loss = (region: string, message: AcceptorRequest) => boolean;

/** @param speed how many times faster than the real clock the deadline comes. */
function losing(
  namespace: string,
  isLost: Loss,
  speed = 1,
): { readonly visit: Visit; readonly sent: AcceptorRequest[] } {
  const sent: AcceptorRequest[] = [];
  const start = Date.now();
  const visit = visitWith(
    (real) => ({
      async call(port, address, payload, timeoutMs) {
        const decoded = decodeAcceptorRequest(payload);
        if (!decoded.ok) throw new Error("not for an acceptor");
        sent.push(decoded.body);
        return isLost(address.region, decoded.body) ? null : real.call(port, address, payload, timeoutMs);
      },
    }),
    namespace,
  );
  return { visit: { ...visit, now: () => start + (Date.now() - start) * speed }, sent };
}

const nothingLost: Loss = () => false;
const proposal = (value: string) => ({ id: `random/${value}`, value: utf8(value) });
const valueOf = (decided: Awaited<ReturnType<typeof inquire>>): string | null =>
  decided === null ? null : textOf(decided.proposal.value);

async function decide(visit: Visit, value: string): Promise<string | null> {
  return valueOf(await propose(visit, "d", proposal(value), decisionDeadline(visit)));
}
const ask = async (visit: Visit): Promise<string | null> => valueOf(await inquire(visit, "d", decisionDeadline(visit)));

async function problemOf(run: Promise<unknown>): Promise<unknown> {
  try {
    return await run;
  } catch (error) {
    return error instanceof Problem ? [error.code, error.particulars.outcome] : error;
  }
}

/** Any decision founds the namespace: then only the one under test is left to be made. */
async function founded(): Promise<string> {
  const ns = freshNamespace();
  const { visit } = losing(ns, nothingLost);
  await propose(visit, "other", proposal("x"), decisionDeadline(visit));
  return ns;
}

describe("deciding", () => {
  it("needs no more than a majority, and waits for nobody else", async () => {
    const ns = await founded();
    const { visit } = losing(ns, (region) => region === "wnam");
    expect(await decide(visit, "a")).toBe("a");
    expect(await ask(losing(ns, (region) => region === "enam").visit)).toBe("a");
    expect(await decide(losing(ns, (region) => region === "weur").visit, "b")).toBe("a");
  });

  it("[U1] without a majority has done nothing as long as no value left", async () => {
    const ns = await founded();
    const { visit } = losing(ns, (region, { body }) => region !== "wnam" && body.type === "prepare", 10);
    expect(await problemOf(decide(visit, "a"))).toEqual(["no-quorum", "not-applied"]);
    expect(await ask(losing(ns, nothingLost).visit)).toBeNull();
  });

  it("[U1] does not know once its value left; whoever asks completes it", async () => {
    const ns = await founded();
    const { visit } = losing(ns, (region, { body }) => region !== "wnam" && body.type === "accept", 10);
    expect(await problemOf(decide(visit, "a"))).toEqual(["no-quorum", "unknown"]);
    // Two without a vote are a majority: nothing is chosen yet. One with and one without settle nothing.
    expect(await ask(losing(ns, (region) => region === "wnam").visit)).toBeNull();
    expect(await ask(losing(ns, (region) => region === "enam").visit)).toBe("a");
    expect(await decide(losing(ns, nothingLost).visit, "b")).toBe("a");
  });

  it("[U1] knows that a value of somebody else's does not make its own possible", async () => {
    const ns = await founded();
    const halfway = losing(ns, (region, { body }) => region !== "wnam" && body.type === "accept", 10);
    await problemOf(decide(halfway.visit, "a"));
    const late = losing(ns, (region, { body }) => body.type === "accept" || region === "weur", 10);
    expect(await problemOf(decide(late.visit, "b"))).toEqual(["no-quorum", "not-applied"]);
  });

  it("[B2] takes a fresh proposer for each attempt", async () => {
    const ns = await founded();
    const { visit, sent } = losing(ns, (_, { body }) => body.type === "accept", 10);
    await problemOf(decide(visit, "a"));
    const ballots = sent.flatMap(({ body }) => (body.type === "prepare" ? [body.ballot] : []));
    const proposers = new Set(ballots.map(({ proposer }) => proposer));
    expect(ballots.length).toBe(proposers.size * 3);
    expect(proposers.size).toBeGreaterThan(2);
    for (const proposer of proposers) expect(proposer).toMatch(/^[0-9a-z]{26}$/);
    expect(await decide(losing(ns, nothingLost).visit, "b")).toBe("b");
  });

  it("[F2] founds only with all acceptors", async () => {
    const ns = freshNamespace();
    const { visit } = losing(ns, (region) => region === "weur");
    expect(await problemOf(decide(visit, "a"))).toEqual(["founding-incomplete", "not-applied"]);
    expect(await ask(visit)).toBeNull();
    expect(await decide(losing(ns, nothingLost).visit, "b")).toBe("b");
    expect((await statusOf(ns)).acceptors.map(({ identity }) => identity)).toEqual(Array(3).fill("enrolled"));
  });

  it("cannot tell what was decided when no majority answers", async () => {
    const { visit } = losing(freshNamespace(), (region) => region !== "weur");
    expect(await problemOf(ask(visit))).toEqual(["no-quorum", "not-applied"]);
  });

  it("[F4] looks its set up again when an acceptor says that it is another", async () => {
    const ns = await founded();
    const { visit } = losing(ns, nothingLost);
    const members = ["enam", "weur", "wnam"].map((region) => ({ region, incarnation: "somebody-else" }));
    visit.memory.sets.set(`${visit.config.cluster}/${visit.namespace}`, { members, seen: new Map(), stale: false });
    expect(await decide(visit, "a")).toBe("a");
  });

  it("[F5] tells each acceptor how far it was seen to have counted", async () => {
    const ns = await founded();
    const { visit, sent } = losing(ns, nothingLost);
    await decide(visit, "a");
    await ask(visit);
    const seen = sent.flatMap((message) => (message.type === "protocol" ? [message.address.seen] : []));
    expect(seen.slice(0, 3)).toEqual([0, 0, 0]);
    expect(Math.min(...seen.slice(6))).toBeGreaterThan(0);
  });
});
