/** Decisions at the gateway: after a refusal, and when the acceptors say what no acceptor may say. */
import { expect, it } from "vitest";
import { slot } from "../../../src/support/brand.ts";
import { ballot } from "../../../src/paxos/ballot.ts";
import { membersOf } from "../../../src/paxos/membership.ts";
import type { AcceptorReply } from "../../../src/paxos/messages.ts";
import { decodeAcceptorRequest, encodeAcceptorReply } from "../../../src/wire/acceptor-codec.ts";
import { decisionSubject } from "../../../src/paxos/messages.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { inquire, propose } from "../../../workers/gateway/decide.ts";
import { enrolledStorage, MemoryAcceptor, namespace } from "../../support/memory-acceptor.ts";
import { regions, visitWith } from "./visit.ts";

const members = membersOf(regions.map((region) => ({ region, incarnation: `i-${region}` })));

/** Says that it voted for a value of its own under the ballot that all others name, too: that breaks P4. */
function impossible(region: string, message: string): AcceptorReply {
  const decoded = decodeAcceptorRequest(message);
  if (!decoded.ok) throw new Error("not a request");
  if (decoded.body.type === "founding")
    return { type: "identity", identity: { type: "enrolled", incarnation: `i-${region}`, members, open: true } };
  const promised = ballot(1, "p", "p");
  const votes = [{ slot: slot(1), ballot: promised, value: region }];
  const extent = { floor: slot(0), highest: slot(1), next: null };
  return { type: "protocol", counter: 1, body: { type: "standing", promised, votes, ...extent } };
}

it("a decision ends with an error when a rule is found broken, instead of never", async () => {
  const visit = visitWith(async (_, { region }, message) =>
    Promise.resolve(encodeAcceptorReply(impossible(region, message))),
  );
  await expect(inquire(visit, "d", visit.now() + 1_000)).rejects.toThrow(/^P4 /);
});

it("[P2] an attempt that was refused is followed by one above the refusal", async () => {
  const acceptors = members.map(({ region }) => new MemoryAcceptor(region, enrolledStorage(members, region)));
  const before = ballot(7, "zz", "zz");
  for (const acceptor of acceptors)
    acceptor.ask(members, { type: "prepare", subject: decisionSubject("d"), ballot: before, from: slot(1) });
  const rounds = new Set<number>();
  const visit = visitWith(async (_, { region }, message) => {
    const decoded = decodeAcceptorRequest(message);
    if (!decoded.ok) throw new Error("not a request");
    const { body: request } = decoded;
    if (request.type === "protocol" && request.body.type === "prepare") rounds.add(request.body.ballot.round);
    const reply = acceptors.find((one) => one.region === region)?.receive(request);
    return Promise.resolve(reply === undefined ? null : encodeAcceptorReply(reply));
  });
  const there = { ...visit, namespace, address: (region: string) => ({ namespace, region }) };
  const decided = await propose(there, "d", { id: "p", value: utf8("v") }, visit.now() + 1_000);
  expect(decided.proposal.id).toBe("p");
  expect([...rounds]).toEqual([1, 8]);
});
