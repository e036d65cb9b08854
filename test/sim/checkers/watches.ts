/**
 * N1-N4: every answer to a watcher holds exactly the changes of its range, in order, between the place it asked from and the
 * place it is told to go on from, as the replayed log has them; whichever replica answered, and whoever did before. Once all
 * is healed, answers come soon, and in the end every watcher was told of everything.
 */
import type { EventPlace, StoreEvent } from "../../../src/store/events.ts";
import type { Question } from "../actors/watchers.ts";
import { canonical } from "../replay/canonical.ts";
import { isWithin } from "../replay/plain-keys.ts";
import type { PlainChange, PlainStore } from "../replay/plain-store.ts";
import type { CheckerOf, Scene } from "./checker.ts";
import { violated } from "./checker.ts";
import { replayOf, sameStory } from "./replay.ts";

/** How long after a change was chosen who waits for it is told, once nothing is wrong any more. */
const promptMs = 2_000;

/** Until then after everything is healed one may join a question whose answer was lost before. */
const lostMs = 1_000;

export const watches: CheckerOf = (scene) => ({
  end() {
    const { cluster, chosen, watchers } = scene;
    const { model } = replayOf(chosen);
    const story = sameStory(scene);
    for (const question of watchers.questions) {
      if (question.told !== null && typeof question.told !== "number" && question.told.revision > story.revision)
        continue;
      judgeAnswer(model, question);
      const { told } = question;
      if (told === null || typeof told === "number") continue;
      cluster.world.count(told.events.length === 0 ? "bookmark-checked" : "watch-checked");
    }
    if (story.revision < Infinity) return;
    judgeDelay(scene);
    judgeBeginnings(scene);
    for (const name of new Set(watchers.questions.map(({ watcher }) => watcher))) {
      const last = watchers.questions.findLast(({ watcher, told }) => watcher === name && told !== null);
      if (last?.told === null || last?.told === undefined) violated("liveness", `${name} was not told anything`);
      // It has only just been told where to begin again.
      if (typeof last.told === "number") continue;
      // It may have looked back in the very end: then what it heard before counts.
      const places = watchers.questions.flatMap(({ watcher, told }) =>
        watcher === name && told !== null && typeof told !== "number" ? [told.next] : [],
      );
      const next = places.reduce((far, one) => (isBefore(far, one) ? one : far));
      // An answer that waited says where it stood when it began to: what it did not concern may have happened since.
      const [missed] = toldFrom(model, { ...last, from: next });
      if (missed !== undefined)
        violated("N4", `${name} was told of everything before ${next.revision}, not of ${canonical(missed)}`);
    }
  },
});

const isBefore = (a: EventPlace, b: EventPlace): boolean =>
  a.revision < b.revision || (a.revision === b.revision && a.index < b.index);

function judgeAnswer(model: PlainStore, { watcher, followed, from, told }: Question): void {
  if (told === null || typeof told === "number") return;
  const { events, next, revision } = told;
  const where = `${watcher} asked from ${from.revision}.${from.index}, was told to go on from ${next.revision}.${next.index}`;
  if (revision > model.revision) violated("N1", `${where}, at revision ${revision}, which nobody made`);
  if (isBefore(next, from)) violated("N3", `${where}, which is before`);
  if (next.revision > Math.max(from.revision, revision + 1)) violated("N4", `${where}, at revision ${revision}`);
  const expected = toldFrom(model, { followed, from }, next).map((change) =>
    canonical(asEvent(change, followed.previous)),
  );
  const shown = events.map((event: StoreEvent) => canonical(event));
  const places = events.map(({ entry }) => entry.modRevision);
  if (places.some((place, i) => place < (places[i - 1] ?? 0)) || new Set(shown).size < shown.length)
    violated("N1", `${where}: out of order, or twice: ${shown.join(" ")}`);
  const missing = expected.find((one) => !shown.includes(one));
  if (missing !== undefined) violated("N2", `${where}, and was not told of ${missing}; but of ${shown.join(" ")}`);
  const invented = shown.find((one) => !expected.includes(one));
  if (invented !== undefined) violated("N1", `${where}, and was told of ${invented}`);
  if (shown.join() !== expected.join()) violated("N1", `${where}, in the wrong order: ${shown.join(" ")}`);
}

/** What concerns a watcher from one place on, up to another: in order. */
function toldFrom(
  model: PlainStore,
  { followed, from }: Pick<Question, "followed" | "from">,
  until: EventPlace | null = null,
): readonly PlainChange[] {
  const concerns = ({ key, entry }: PlainChange): boolean =>
    isWithin(followed.range, key) && (entry === null ? followed.deletes : followed.puts);
  return model.changes.slice(from.revision, until === null ? undefined : until.revision + 1).flatMap((changes, i) => {
    const at = from.revision + i;
    const first = at === from.revision ? from.index : 0;
    const end = at === until?.revision ? until.index : Infinity;
    return changes.filter((change, index) => index >= first && index < end && concerns(change));
  });
}

function asEvent({ key, revision, entry, previous }: PlainChange, withPrevious: boolean): unknown {
  const before = withPrevious ? previous : null;
  if (entry !== null) return { type: "put", entry, previous: before };
  const gone = { key, value: new Uint8Array(0), createRevision: 0, modRevision: revision, version: 0, lease: null };
  return { type: "delete", entry: gone, previous: before };
}

/** A question that waits is answered as soon as there is something to tell. */
function judgeDelay({ cluster, chosen, watchers, healthyFrom }: Scene): void {
  const { model, stands } = replayOf(chosen);
  for (const { watcher, followed, from, calledAt, returnedAt } of watchers.questions) {
    if (calledAt < healthyFrom() + lostMs) continue;
    const [first] = toldFrom(model, { followed, from });
    if (first === undefined) continue;
    const chosenAt = chosen.chosenAt(stands.findIndex(({ revision }) => revision >= first.revision));
    cluster.world.count("watch-delay-checked");
    if (returnedAt > Math.max(calledAt, chosenAt) + promptMs)
      violated(
        "N4",
        `${watcher} asked at ${calledAt} and was answered at ${returnedAt}; ${first.revision} was chosen at ${chosenAt}`,
      );
  }
}

/** "From now on" leaves nothing out that comes after it was asked for, and repeats nothing that was acknowledged before. */
function judgeBeginnings({ cluster, desk, keys, watchers }: Scene): void {
  for (const { calledAt, place } of watchers.beginnings) {
    for (const { reply, returnedAt } of [...desk.asked, ...keys.history]) {
      if (returnedAt === null || returnedAt >= calledAt || reply === null || !("revision" in reply)) continue;
      if (reply.revision >= place.revision)
        violated("N3", `from now on began at ${place.revision}, though ${reply.revision} was told at ${returnedAt}`);
    }
    cluster.world.count("beginning-checked");
  }
}
