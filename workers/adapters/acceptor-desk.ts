/**
 * The acceptor's executor: takes one message, steps the pure acceptor, makes the outcome durable, answers. Synchronous
 * from reading to writing (D3). Used by the acceptor's shell and by the simulator; has no opinion about the protocol.
 */
import { stepAcceptor } from "../../src/paxos/acceptor.ts";
import { admit, identityOf, stepEnrolment } from "../../src/paxos/enrolment.ts";
import type { AcceptorReply, AcceptorRequest } from "../../src/paxos/messages.ts";
import type { AcceptorStorage } from "./acceptor-storage.ts";

export interface Desk {
  readonly storage: AcceptorStorage;
  /** The platform's id of this very object. */
  readonly object: string;
  /** This machine's clock, in ms. */
  readonly now: number;
  /** 128 fresh random bits, should an incarnation be minted. */
  readonly fresh: string;
}

export function receive({ storage, object, now, fresh }: Desk, request: AcceptorRequest): AcceptorReply {
  refuseCopies(storage, object);
  if (request.type === "founding") {
    const { namespace, region, body } = request;
    const outcome = stepEnrolment(storage.enrolment, { namespace, region }, body, fresh);
    if (outcome.persist !== null) storage.enrol(outcome.persist, object);
    return { type: "identity", identity: outcome.identity };
  }
  const admission = admit(storage.enrolment, storage.counter, request.address);
  if (admission.persist !== null) storage.enrol(admission.persist, object);
  if (!admission.admitted) return admission.reply;
  const outcome = stepAcceptor(storage, request.body, now);
  return { type: "protocol", counter: storage.save(outcome.persist), body: outcome.reply };
}

/** F5: rows written by another object are a copy: it may vote no more, for the original may be voting. */
function refuseCopies(storage: AcceptorStorage, object: string): void {
  const { enrolment } = storage;
  if (enrolment === null || enrolment.retired !== null || storage.object === object) return;
  storage.enrol({ ...enrolment, retired: "these rows were copied from another object" }, object);
}

/** What an operator wants to know of an acceptor. Carries no authority, so it comes without a write. */
export function statusOf(storage: AcceptorStorage, region: string, dataCentre: string) {
  const { promised, floor, highest } = storage.ledger("log");
  const identity = identityOf(storage.enrolment);
  return {
    type: "acceptor-status",
    region,
    dataCentre,
    identity,
    counter: storage.counter,
    promised,
    floor,
    highest,
  } as const;
}
