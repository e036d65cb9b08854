/** What the event stream of a watch tells: each event bears the place where to go on, at any replica (SPEC N1-N4). */
import { limits } from "../../src/support/limits.ts";
import type { EventPlace } from "../../src/store/events.ts";
import { byRevision, encodePlace, shownEvent, wholeRevisions } from "../../src/wire/watch-codec.ts";
import type { EventSource, ServerEvent } from "./event-stream.ts";
import { Problem } from "./problems.ts";
import type { Visit } from "./visit.ts";
import { fromNow, happenings } from "./watching.ts";
import type { Followed, Happenings } from "./watching.ts";

/** First where it begins, then what happens, and when nothing does, up to where nothing did. */
export async function* told(visit: Visit, followed: Followed, start: EventPlace | null): EventSource {
  let from = start ?? (await fromNow(visit, followed));
  // Asked before the answer begins: who comes too late is told so by its status.
  let answer = await happenings(visit, followed, from, 0);
  const ready = { revision: answer.revision, next: encodePlace(from) };
  yield [{ event: "ready", id: ready.next, data: ready }];
  if (answer.events.length > 0) yield changes(answer, followed);
  for (from = onwards(answer); ; from = onwards(answer)) {
    try {
      answer = await happenings(visit, followed, from, limits.watchProgressMs);
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "revision-compacted") throw error;
      yield [{ event: "compacted", data: { detail: error.message, ...error.particulars.extra } }];
      return;
    }
    yield answer.events.length > 0 ? changes(answer, followed) : [progress(answer)];
  }
}

const onwards = (answer: Happenings): EventPlace => wholeRevisions(answer).next;

/** What was told of an answer: those who share it (`shared-questions.ts`) ask for the same, and are told the very same. */
const shown = new WeakMap<Happenings, readonly ServerEvent[]>();

/** One event for each revision, so that what changed at once is told at once. */
function changes(answer: Happenings, { previous }: Followed): readonly ServerEvent[] {
  const known = shown.get(answer);
  if (known !== undefined) return known;
  const told = byRevision(wholeRevisions(answer)).map(({ revision, events, more, next }) => {
    const id = encodePlace(next);
    const data = { revision, events: events.map((one) => shownEvent(one, previous)), more, next: id };
    return { event: "changes", id, data };
  });
  shown.set(answer, told);
  return told;
}

function progress({ revision, next }: Happenings): ServerEvent {
  const id = encodePlace(next);
  return { event: "progress", id, data: { revision, next: id } };
}
