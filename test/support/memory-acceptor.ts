/**
 * An acceptor in memory, for tests: its storage is one immutable JSON value, and around it stands the smallest executor
 * that is right: admit, step, persist everything together with the counter, reply. Messages go through JSON both ways,
 * for shared references hide bugs.
 */
import { emptyLedger, stepAcceptor } from "../../src/paxos/acceptor.ts";
import type { AcceptorChange, AcceptorView } from "../../src/paxos/acceptor.ts";
import { admit, stepEnrolment } from "../../src/paxos/enrolment.ts";
import type { Enrolment } from "../../src/paxos/enrolment.ts";
import { membersOf, setDigest } from "../../src/paxos/membership.ts";
import type { Members } from "../../src/paxos/membership.ts";
import { LOG } from "../../src/paxos/messages.ts";
import type {
  AcceptorReply,
  AcceptorRequest,
  Address,
  ProtocolReply,
  ProtocolRequest,
  Subject,
  Vote,
} from "../../src/paxos/messages.ts";
import { slot } from "../../src/support/brand.ts";

/** All that an acceptor remembers across a crash. */
export interface AcceptorStorage {
  readonly enrolment: Enrolment | null;
  readonly counter: number;
  readonly ledgers: Readonly<Partial<Record<Subject, typeof emptyLedger>>>;
  /** Lowest slot first. */
  readonly votes: Readonly<Partial<Record<Subject, readonly Vote[]>>>;
}

export const emptyStorage: AcceptorStorage = Object.freeze({
  enrolment: null,
  counter: 0,
  ledgers: {},
  votes: {},
});

export const namespace = "orders";

export function enrolledStorage(members: Members, region: string, open = true): AcceptorStorage {
  const incarnation = members.find((m) => m.region === region)?.incarnation ?? "";
  const enrolment = { cluster: "test", namespace, region, incarnation, members, open, retired: null };
  return { ...emptyStorage, enrolment };
}

/** @param rows at most so many votes a page; the model and most tests never need a second page. */
export function viewOf(storage: AcceptorStorage, rows = Number.POSITIVE_INFINITY): AcceptorView {
  return {
    ledger: (subject) => storage.ledgers[subject] ?? emptyLedger,
    votes(subject, from, maxRows) {
      const all = (storage.votes[subject] ?? []).filter((vote) => vote.slot >= from);
      const page = all.slice(0, Math.min(maxRows, rows));
      return { votes: page, next: all[page.length]?.slot ?? null };
    },
  };
}

/** One event's writes, all together, and the counter with them. */
export function persist(
  storage: AcceptorStorage,
  enrolment: Enrolment | null,
  changes: readonly AcceptorChange[],
): AcceptorStorage {
  const before = { ...storage, counter: storage.counter + 1, enrolment: enrolment ?? storage.enrolment };
  return changes.reduce(carryOut, before);
}

function carryOut(storage: AcceptorStorage, change: AcceptorChange): AcceptorStorage {
  const subject = change.type === "trimmed" ? LOG : change.subject;
  const ledger = storage.ledgers[subject] ?? emptyLedger;
  const votes = storage.votes[subject] ?? [];
  const write = (next: typeof ledger, kept = votes): AcceptorStorage => ({
    ...storage,
    ledgers: { ...storage.ledgers, [subject]: next },
    votes: { ...storage.votes, [subject]: kept },
  });
  switch (change.type) {
    case "promised":
      return write({ ...ledger, promised: change.ballot });
    case "voted": {
      const kept = [...votes.filter((v) => v.slot !== change.vote.slot), change.vote];
      return write(
        { ...ledger, highest: slot(Math.max(ledger.highest, change.vote.slot)) },
        kept.toSorted((a, b) => a.slot - b.slot),
      );
    }
    case "trimmed":
      return write(
        { ...ledger, floor: change.floor },
        votes.filter((v) => v.slot > change.floor),
      );
  }
}

const throughJson = <T>(message: T): T => JSON.parse(JSON.stringify(message)) as T;

export class MemoryAcceptor {
  readonly region: string;
  clock = 0;
  /** Votes in one page, to test paging with few votes. */
  pageRows = Number.POSITIVE_INFINITY;
  storage: AcceptorStorage;
  /** The next incarnation to mint. */
  fresh: string;

  constructor(region: string, storage: AcceptorStorage = emptyStorage) {
    this.region = region;
    this.storage = storage;
    this.fresh = `${region}-0000000001`;
  }

  receive(sent: AcceptorRequest): AcceptorReply {
    return throughJson(this.#step(throughJson(sent)));
  }

  #step(request: AcceptorRequest): AcceptorReply {
    const { enrolment, counter } = this.storage;
    if (request.type === "founding") {
      const where = { namespace: request.namespace, region: request.region };
      const outcome = stepEnrolment(enrolment, where, request.body, this.fresh);
      if (outcome.persist !== null) this.storage = persist(this.storage, outcome.persist, []);
      return { type: "identity", identity: outcome.identity };
    }
    const admission = admit(enrolment, counter, request.address);
    if (!admission.admitted) {
      if (admission.persist !== null) this.storage = persist(this.storage, admission.persist, []);
      return admission.reply;
    }
    const outcome = stepAcceptor(viewOf(this.storage, this.pageRows), request.body, this.clock);
    this.storage = persist(this.storage, admission.persist, outcome.persist);
    return { type: "protocol", counter: this.storage.counter, body: outcome.reply };
  }

  /** Says `body` to this acceptor as a sender would who means `members`, and expects it to be admitted. */
  ask(members: Members, body: ProtocolRequest): ProtocolReply {
    const reply = this.receive({ type: "protocol", address: addressOf(members, this.region), body });
    if (reply.type !== "protocol") throw new Error(`not admitted: ${JSON.stringify(reply)}`);
    return reply.body;
  }
}

export function addressOf(members: Members, region: string, seen = 0): Address {
  const incarnation = members.find((m) => m.region === region)?.incarnation ?? "";
  return { namespace, region, set: setDigest(members), incarnation, seen };
}

/** A founded set with one acceptor for each region. */
export function testMembers(...regions: readonly string[]): Members {
  return membersOf(regions.map((region) => ({ region, incarnation: `${region}-0000000001` })));
}

export function enrolledAcceptors(members: Members): readonly MemoryAcceptor[] {
  return members.map(({ region }) => new MemoryAcceptor(region, enrolledStorage(members, region)));
}
