/**
 * Broken: an acceptor that holds nothing takes the set for granted when a protocol message arrives, and votes. Violates
 * F1: it may have been emptied, and then answers for a past that it forgot.
 */
import { admit } from "../../../src/paxos/enrolment.ts";
import { enrolledStorage } from "../../support/memory-acceptor.ts";
import { members } from "../single-decree/state.ts";
import { twin } from "./twin.ts";

export const foundsItselfOnAMessage = twin(
  "founds itself on a message",
  "F1",
  "A1-A3 no promise goes down",
  {
    admit(enrolment, counter, address) {
      if (enrolment !== null) return admit(enrolment, counter, address);
      return { admitted: true, persist: enrolledStorage(members, address.region).enrolment };
    },
  },
  { emptiedAcceptors: 1 },
);
