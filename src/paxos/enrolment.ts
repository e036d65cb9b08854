/**
 * Enrolment: an acceptor's identity, and the gate every protocol message passes before it is stepped. Stepped only by
 * the acceptor's shell and by tests. An acceptor never founds itself on a protocol message. Upholds F1-F5.
 */
import { assertNever } from "../support/assert.ts";
import { incarnationOf, setDigest } from "./membership.ts";
import type { Members } from "./membership.ts";
import type { Address, FoundingRequest, Identity, NotMember } from "./messages.ts";

/** An acceptor's identity as stored: one row, written at founding and at retirement only. */
export interface Enrolment {
  readonly cluster: string;
  readonly namespace: string;
  readonly region: string;
  readonly incarnation: string;
  /** The whole set, once stored; immutable from then on (F2). */
  readonly members: Members | null;
  /** Someone who knew that every member stored the set has said so, or has sent a protocol message. */
  readonly open: boolean;
  /** Why this acceptor takes no part any more. Never cleared (F5). */
  readonly retired: string | null;
}

export function identityOf(enrolment: Enrolment | null): Identity {
  if (enrolment === null) return { type: "empty" };
  if (enrolment.retired !== null) return { type: "retired", reason: enrolment.retired };
  const { incarnation, members, open } = enrolment;
  return members === null ? { type: "minted", incarnation } : { type: "enrolled", incarnation, members, open };
}

/** What to store (null: nothing), and the identity to answer with once it is stored. */
export interface EnrolmentOutcome {
  readonly persist: Enrolment | null;
  readonly identity: Identity;
}

const unchanged = (enrolment: Enrolment | null): EnrolmentOutcome => ({
  persist: null,
  identity: identityOf(enrolment),
});
const changed = (enrolment: Enrolment): EnrolmentOutcome => ({ persist: enrolment, identity: identityOf(enrolment) });
const sameSet = (a: Members, b: Members): boolean => JSON.stringify(a) === JSON.stringify(b);

/** @param fresh 128 random bits, used only if an incarnation is minted now. */
export function stepEnrolment(
  enrolment: Enrolment | null,
  where: { readonly namespace: string; readonly region: string },
  request: FoundingRequest,
  fresh: string,
): EnrolmentOutcome {
  switch (request.type) {
    case "identify":
      return unchanged(enrolment);
    case "mint":
      // F2: minted once. A second founder gets the same incarnation, so both arrive at the same set.
      if (enrolment !== null || !request.regions.includes(where.region)) return unchanged(enrolment);
      return changed({
        cluster: request.cluster,
        ...where,
        incarnation: fresh,
        members: null,
        open: false,
        retired: null,
      });
    case "enrol":
      if (enrolment === null || enrolment.retired !== null || enrolment.members !== null) return unchanged(enrolment);
      // F2: a set that names another incarnation was made before this acceptor was emptied: it is not let in.
      if (incarnationOf(request.members, enrolment.region) !== enrolment.incarnation) return unchanged(enrolment);
      return changed({ ...enrolment, members: request.members });
    case "open":
      if (enrolment === null || enrolment.members === null || enrolment.open || enrolment.retired !== null) {
        return unchanged(enrolment);
      }
      return sameSet(enrolment.members, request.members) ? changed({ ...enrolment, open: true }) : unchanged(enrolment);
    default:
      return assertNever(request, "founding request");
  }
}

/** Either the message may be stepped (`persist` first, where it is not null), or it is refused. */
export type Admission =
  | { readonly admitted: true; readonly persist: Enrolment | null }
  | { readonly admitted: false; readonly persist: Enrolment | null; readonly reply: NotMember };

/** @param counter the acceptor's stored counter. */
export function admit(enrolment: Enrolment | null, counter: number, address: Address): Admission {
  const refuse = (why: NotMember["why"], persist: Enrolment | null = null): Admission => ({
    admitted: false,
    persist,
    reply: { type: "not-member", why },
  });
  // F1: an empty acceptor may be an amnesiac one. Were it to vote, two majorities could choose twice.
  if (enrolment === null) return refuse("unfounded");
  if (enrolment.retired !== null) return refuse("retired");
  if (enrolment.namespace !== address.namespace || enrolment.region !== address.region) return refuse("wrong-address");
  if (enrolment.incarnation !== address.incarnation) return refuse("wrong-incarnation");
  if (enrolment.members === null) return refuse("unfounded");
  if (setDigest(enrolment.members) !== address.set) return refuse("wrong-set");
  // F5: somebody saw a later state of this acceptor than it has itself: it was restored and forgot promises.
  if (address.seen > counter) {
    return refuse("retired", { ...enrolment, retired: `restored: counter ${counter}, but ${address.seen} was seen` });
  }
  return { admitted: true, persist: enrolment.open ? null : { ...enrolment, open: true } };
}
