/** Enrolment: who an acceptor is, and which messages it lets pass. */
import { expect, test } from "vitest";
import { membersOf, setDigest } from "../../../src/paxos/membership.ts";
import type { AcceptorReply, Address, FoundingRequest, Identity } from "../../../src/paxos/messages.ts";
import { addressOf, emptyStorage, enrolledStorage, MemoryAcceptor, namespace } from "../../support/memory-acceptor.ts";
import { accept, high, low, members, prepare } from "./builders.ts";

const regions = ["a", "b", "c"];
const mint = { type: "mint", cluster: "test", regions } as const;

const enrolled = (open = true): MemoryAcceptor => new MemoryAcceptor("a", enrolledStorage(members, "a", open));

function found(acceptor: MemoryAcceptor, body: FoundingRequest): Identity {
  const reply = acceptor.receive({ type: "founding", namespace, region: acceptor.region, body });
  if (reply.type !== "identity") throw new Error(`no identity: ${reply.type}`);
  return reply.identity;
}

const say = (acceptor: MemoryAcceptor, address: Partial<Address> = {}): AcceptorReply =>
  acceptor.receive({
    type: "protocol",
    address: { ...addressOf(members, "a"), ...address },
    body: prepare(low),
  });

test("[F1] an acceptor that holds nothing answers unfounded to every protocol message, and stays empty", () => {
  const acceptor = new MemoryAcceptor("a");
  for (const body of [prepare(low), accept(low, 1, "x"), prepare(high)]) {
    const reply = acceptor.receive({ type: "protocol", address: addressOf(members, "a"), body });
    expect(reply).toEqual({ type: "not-member", why: "unfounded" });
  }
  expect(acceptor.storage).toEqual(emptyStorage);
  expect(found(acceptor, { type: "identify" })).toEqual({ type: "empty" });
});

test("[F1] an acceptor that has only minted answers unfounded", () => {
  const acceptor = new MemoryAcceptor("a");
  found(acceptor, mint);
  expect(say(acceptor)).toEqual({ type: "not-member", why: "unfounded" });
  expect(acceptor.storage.ledgers).toEqual({});
});

test("[F2] an incarnation is minted once", () => {
  const acceptor = new MemoryAcceptor("a");
  const first = found(acceptor, mint);
  expect(first).toEqual({ type: "minted", incarnation: "a-0000000001" });
  acceptor.fresh = "a-0000000002";
  expect(found(acceptor, mint)).toEqual(first);
});

test("[F2] an acceptor mints nothing for a set that leaves it out", () => {
  const acceptor = new MemoryAcceptor("elsewhere");
  expect(found(acceptor, mint)).toEqual({ type: "empty" });
});

test("[F2] one set is stored, and no other replaces it", () => {
  const acceptor = new MemoryAcceptor("a");
  found(acceptor, mint);
  expect(found(acceptor, { type: "enrol", members })).toEqual({
    type: "enrolled",
    incarnation: "a-0000000001",
    members,
    open: false,
  });
  const other = membersOf(members.map((m) => (m.region === "b" ? { ...m, incarnation: "another-one" } : m)));
  expect(found(acceptor, { type: "enrol", members: other })).toMatchObject({ members });
});

test("[F2] a set that names another incarnation is refused: an emptied acceptor is not let in again", () => {
  const acceptor = enrolled();
  acceptor.storage = emptyStorage;
  acceptor.fresh = "a-0000000002";
  expect(found(acceptor, { type: "enrol", members })).toEqual({ type: "empty" });
  const minted = found(acceptor, mint);
  expect(found(acceptor, { type: "enrol", members })).toEqual(minted);
  expect(say(acceptor)).toEqual({ type: "not-member", why: "wrong-incarnation" });
});

test("[F3] a set is open once somebody who knows it to be complete has said so", () => {
  const acceptor = enrolled(false);
  expect(found(acceptor, { type: "identify" })).toMatchObject({ open: false });
  expect(found(acceptor, { type: "open", members })).toMatchObject({ open: true });
});

test("[F3] a protocol message says so too, and that is durable before its answer", () => {
  const acceptor = enrolled(false);
  say(acceptor);
  expect(acceptor.storage.enrolment?.open).toBe(true);
  expect(found(acceptor, { type: "identify" })).toMatchObject({ open: true });
});

test("[F3] another set than the stored one is not opened, and nothing stored is opened by nobody", () => {
  const other = membersOf(members.map((m) => (m.region === "b" ? { ...m, incarnation: "another-one" } : m)));
  expect(found(enrolled(false), { type: "open", members: other })).toMatchObject({ open: false });
  expect(found(new MemoryAcceptor("a"), { type: "open", members })).toEqual({ type: "empty" });
});

test("[F4] a message that names another set, incarnation, region or namespace is refused and changes nothing", () => {
  const cases: readonly (readonly [Partial<Address>, string])[] = [
    [{ set: setDigest(members.slice(1)) }, "wrong-set"],
    [{ incarnation: "another-one" }, "wrong-incarnation"],
    [{ region: "b" }, "wrong-address"],
    [{ namespace: "invoices" }, "wrong-address"],
  ];
  for (const [address, why] of cases) {
    const acceptor = enrolled(false);
    const before = acceptor.storage;
    expect(say(acceptor, address)).toEqual({ type: "not-member", why });
    expect(acceptor.storage).toBe(before);
  }
});

test("[F5] an acceptor whose counter was seen higher retires itself, durably and for ever", () => {
  const acceptor = enrolled();
  for (const by of [low, low, low]) acceptor.ask(members, prepare(by));
  const copy = acceptor.storage;
  acceptor.ask(members, prepare(high));
  acceptor.storage = copy;
  expect(say(acceptor, { seen: 4 })).toEqual({ type: "not-member", why: "retired" });
  expect(say(acceptor, { seen: 0 })).toEqual({ type: "not-member", why: "retired" });
  expect(found(acceptor, { type: "identify" })).toMatchObject({ type: "retired" });
  for (const body of [mint, { type: "enrol", members }, { type: "open", members }] as const) {
    expect(found(acceptor, body)).toMatchObject({ type: "retired" });
  }
});

test("[F5] an acceptor that is ahead of what was seen, or level with it, takes part", () => {
  const acceptor = enrolled();
  acceptor.ask(members, prepare(low));
  expect(say(acceptor, { seen: 1 })).toMatchObject({ type: "protocol", counter: 2 });
  expect(say(acceptor, { seen: 0 })).toMatchObject({ type: "protocol", counter: 3 });
});

test("[F5] a message that was meant for another acceptor does not make this one retire", () => {
  const acceptor = enrolled();
  say(acceptor, { seen: 1_000, incarnation: "another-one" });
  expect(acceptor.storage.enrolment?.retired).toBeNull();
});
