/**
 * Watchers of one isolate that follow the same keys share one question after events: whoever comes first asks it, the others
 * wait for its answer, and each is handed what lies after its own place. A place that the question does not cover is asked
 * for alone, until it has caught up. Answers are true for ever, so who comes a little late is handed one that was given
 * before. Nobody depends on whoever asked, who may be cut off: each has a timer of its own, and asks again. Called by
 * `watching.ts` alone, for every door. Upholds N1-N4; rests on the runtime as `coalescing.ts` does.
 */
import { limits } from "../../src/support/limits.ts";
import type { EventPlace } from "../../src/store/events.ts";
import type { KeyRange } from "../../src/store/transaction.ts";
import { encodePlace, isBefore } from "../../src/wire/watch-codec.ts";
import { lazyTimersOf } from "./lazy-timers.ts";
import { Problem } from "./problems.ts";
import { pause } from "./visit.ts";
import type { Visit } from "./visit.ts";
import type { Followed, Happenings } from "./watching.ts";

/** Asks a replica. Without `maxBytes`: as many as whoever comes in alone has room for. */
export type Ask = (from: EventPlace, waitMs: number, maxBytes?: number) => Promise<Happenings>;

/** What came of a question; null: nothing in time. */
type Heard =
  | { readonly type: "answer"; readonly answer: Happenings }
  | { readonly type: "failed"; readonly error: unknown }
  | null;

/** A question that is under way, and all who wait for its answer. */
export class Question {
  readonly from: EventPlace;
  /** Later than this its answer may be lost: who comes now looks for himself first ... */
  readonly dueAt: number;
  /** ... and later than this nobody waits for it: whoever asked was cut off. */
  readonly until: number;
  readonly #waiting = new Set<(heard: Heard) => void>();

  constructor(from: EventPlace, now: number) {
    this.from = from;
    this.dueAt = now + limits.watchProgressMs;
    this.until = now + limits.sharedWatchMs + limits.gatewayMs;
  }

  /** @returns null after `ms`. Each waits in its own request: what others settle is gone on with there. */
  async heard(visit: Visit, ms: number): Promise<Heard> {
    const { promise, resolve } = Promise.withResolvers<Heard>();
    this.#waiting.add(resolve);
    const cancel = lazyTimersOf(visit).after(ms, () => {
      this.#waiting.delete(resolve);
      resolve(null);
    });
    const heard = await promise;
    cancel();
    return heard;
  }

  /** How many wait for it. */
  get size(): number {
    return this.#waiting.size;
  }

  settle(heard: Heard): void {
    for (const settle of this.#waiting) settle(heard);
    this.#waiting.clear();
  }
}

/** @returns within `waitMs`, but sooner, and without events, when a question that others began to ask earlier ends so. */
export async function happeningsTogether(
  visit: Visit,
  followed: Followed,
  from: EventPlace,
  waitMs: number,
  ask: Ask,
): Promise<Happenings> {
  const lane = new Lane(visit, followed, ask);
  const until = visit.now() + waitMs;
  let own: Question | null = null;
  for (let place = from, caughtUp = false; ;) {
    const before = lane.toldBefore(place);
    if (before !== null) return before;
    const leftMs = until - visit.now();
    const question = lane.question();
    const isCovered = question !== null && !isBefore(place, question.from);
    if (isCovered && (caughtUp || question.dueAt >= visit.now())) {
      const patienceMs = question.until - visit.now();
      const heard = await question.heard(visit, Math.min(leftMs, patienceMs));
      // Not even the place where to go on is known: it may be that the answer was lost.
      if (heard === null && leftMs <= patienceMs) return ask(place, 0);
      if (heard === null) lane.end(question);
      else if (heard.type === "answer") {
        const part = partFrom(place, question.from, heard.answer);
        if (part !== null) return part;
      } else if (question === own || isGone(place, heard.error)) throw heard.error;
    } else if (question !== null && !caughtUp) {
      const answer = await ask(place, 0);
      if (answer.events.length > 0) return answer;
      caughtUp = !isBefore(place, answer.next);
      place = answer.next;
    } else if (leftMs < limits.sharedWatchMs) {
      return ask(place, Math.max(0, leftMs));
    } else own = lane.begin(place);
  }
}

/** All that is known of one thing that is followed. */
class Lane {
  readonly #visit: Visit;
  readonly #ask: Ask;
  readonly #name: string;

  constructor(visit: Visit, followed: Followed, ask: Ask) {
    this.#visit = visit;
    this.#ask = ask;
    this.#name = `${visit.namespace} ${nameOf(followed)}`;
  }

  /** An answer that was given to somebody who asked from this very place. */
  toldBefore(place: EventPlace): Happenings | null {
    return this.#visit.memory.answers.get(this.#answerName(place));
  }

  /** The one that is under way. */
  question(): Question | null {
    const question = this.#visit.memory.questions.get(this.#name);
    return question === null || question.until <= this.#visit.now() ? null : question;
  }

  /** Asks from a place at which nobody asks: from here on others wait for this one. */
  begin(from: EventPlace): Question {
    const visit = this.#visit;
    const question = new Question(from, visit.now());
    visit.memory.questions.set(this.#name, question, this.#name.length);
    const work = this.#askRested(from).then(
      (answer): Heard => {
        if (answer.events.length > 0) {
          visit.memory.answers.set(this.#answerName(from), answer, this.#name.length + sizeOf(answer));
        }
        return { type: "answer", answer };
      },
      (error: unknown): Heard => ({ type: "failed", error }),
    );
    const settled = work.then((heard) => {
      this.end(question);
      this.#restAfter(question.size);
      question.settle(heard);
    });
    // Should the client who asked hang up, the others still want the answer.
    visit.afterwards(settled);
    return question;
  }

  /** While very many are being told, more may happen: it is asked for together. */
  #restAfter(told: number): void {
    const restMs = Math.min(limits.sharedWatchRestMs, Math.floor(told / limits.sharedWatchTellsPerMs));
    if (restMs > 0) this.#visit.memory.rests.set(this.#name, this.#visit.now() + restMs, this.#name.length);
  }

  async #askRested(from: EventPlace): Promise<Happenings> {
    const visit = this.#visit;
    const restMs = Math.min(limits.sharedWatchRestMs, (visit.memory.rests.get(this.#name) ?? 0) - visit.now());
    if (restMs > 0) await pause(visit, restMs);
    return this.#ask(from, limits.sharedWatchMs, limits.watchBytes);
  }

  end(question: Question): void {
    const { questions } = this.#visit.memory;
    if (questions.get(this.#name) === question) questions.delete(this.#name);
  }

  #answerName(place: EventPlace): string {
    return `${encodePlace(place)} ${this.#name}`;
  }
}

/**
 * What an answer to a question from `from` tells who stands at `place`, which is not before; null: nothing. An answer that
 * ends within a revision is for those only who asked from that very place: others may have room for the whole of it (N2).
 */
function partFrom(place: EventPlace, from: EventPlace, answer: Happenings): Happenings | null {
  if (place.revision === from.revision && place.index === from.index) return answer;
  if (place.index > 0 || answer.next.index > 0 || isBefore(answer.next, place)) return null;
  const [first] = answer.events;
  // The very same where it can be: it is encoded once for all.
  if (first === undefined || first.entry.modRevision >= place.revision) return answer;
  const events = answer.events.filter(({ entry }) => entry.modRevision >= place.revision);
  return events.length === 0 ? null : { ...answer, events };
}

/** History that is kept no more from where the question began may still be kept where somebody stands who shares it. */
function isGone(place: EventPlace, error: unknown): boolean {
  if (!(error instanceof Problem) || error.code !== "revision-compacted") return false;
  return place.revision < Number(error.particulars.extra?.["compactedRevision"]);
}

const names = new WeakMap<Followed, string>();

function nameOf(followed: Followed): string {
  const known = names.get(followed);
  if (known !== undefined) return known;
  const { range, also = [], puts, deletes, previous } = followed;
  const name = JSON.stringify([puts, deletes, previous, ...[range, ...also].map(pairOf)]);
  names.set(followed, name);
  return name;
}

const pairOf = ({ key, end }: KeyRange): readonly unknown[] => [key, end];

const sizeOf = ({ events }: Happenings): number =>
  events.reduce((sum, { entry, previous }) => {
    const before = previous === null ? 0 : previous.key.length + previous.value.length;
    return sum + entry.key.length + entry.value.length + before + 128;
  }, 0);
