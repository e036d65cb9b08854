/** Every broken twin of the single-decree model. One that is not listed here is not checked; the test counts the files. */
import { acceptsBelowItsPromise } from "./accepts-below-its-promise.ts";
import { answersBeforePersisting } from "./answers-before-persisting.ts";
import { countsAnAcceptorTwice } from "./counts-an-acceptor-twice.ts";
import { forgetsItsPromise } from "./forgets-its-promise.ts";
import { forgetsItsVote } from "./forgets-its-vote.ts";
import { foundsItselfOnAMessage } from "./founds-itself-on-a-message.ts";
import { ignoresTheAdoptedValue } from "./ignores-the-adopted-value.ts";
import { mutatesASharedBallot } from "./mutates-a-shared-ballot.ts";
import { quorumOfOne } from "./quorum-of-one.ts";
import { reportsThePromisedBallot } from "./reports-the-promised-ballot.ts";
import { reusesABallot } from "./reuses-a-ballot.ts";

export const twins = [
  forgetsItsPromise,
  acceptsBelowItsPromise,
  forgetsItsVote,
  answersBeforePersisting,
  foundsItselfOnAMessage,
  quorumOfOne,
  countsAnAcceptorTwice,
  ignoresTheAdoptedValue,
  reportsThePromisedBallot,
  reusesABallot,
  mutatesASharedBallot,
];
