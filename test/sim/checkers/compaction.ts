/**
 * V3, N3: what is asked of the past is refused once it was compacted, or its time was up, and not before; and what nobody
 * has made yet is called the future.
 */
import type { CheckerOf, Scene } from "./checker.ts";
import { violated } from "./checker.ts";
import { replayOf, sameStory } from "./replay.ts";
import type { Replay } from "./replay.ts";

/** Somebody asked for a revision and was answered, at a store's revision, or refused. */
interface Asked {
  readonly who: string;
  readonly revision: number;
  readonly returnedAt: number;
  /** The store's, of an answer. */
  readonly at: number | null;
  /** The first that is kept, of a refusal. */
  readonly kept: number | null;
}

export const compaction: CheckerOf = (scene) => ({
  end() {
    const replay = replayOf(scene.chosen);
    const lines = [...replay.carried.values()].flatMap(({ outcome, command: { operation }, slot }) =>
      operation.type === "compact" && outcome.type === "compacted"
        ? [{ to: operation.revision, after: replay.stands[slot]?.revision ?? Infinity }]
        : [],
    );
    const story = sameStory(scene);
    const until = story.slot === Infinity ? Infinity : scene.chosen.votedAt(story.slot);
    for (const { who, revision, returnedAt, at, kept } of askedIn(scene)) {
      if (returnedAt >= until) continue;
      scene.cluster.world.count(kept === null ? "past-checked" : "compaction-checked");
      if (at !== null) {
        const gone = lines.find(({ to, after }) => revision < to && at > after);
        if (gone !== undefined)
          violated("V3", `${who} was told of revision ${revision} at ${at}, compacted to ${gone.to} at ${gone.after}`);
      }
      if (kept === null) continue;
      if (kept <= revision) violated("N3", `${who} asked for ${revision}, and was refused though ${kept} is kept`);
      const first = mayBeginAt(scene, replay, returnedAt);
      if (kept > first) violated("V3", `${who} was told that ${kept} is the first kept; ${first} may be, at most`);
    }
  },
});

function askedIn({ desk, watchers }: Scene): readonly Asked[] {
  const reads = desk.asked.flatMap(({ client: who, request, reply, returnedAt }): readonly Asked[] => {
    if (request.type !== "read" || request.query.type !== "range" || reply?.type !== "result") return [];
    const { revision } = request.query.range;
    const { result } = reply;
    if (revision === null || returnedAt === null) return [];
    if (result.type === "compacted") return [{ who, revision, returnedAt, at: null, kept: result.compactedRevision }];
    if (result.type === "future" && revision <= reply.revision)
      violated("V3", `${who} asked at ${reply.revision} for ${revision}, and was told that nobody has it`);
    return result.type === "range" ? [{ who, revision, returnedAt, at: reply.revision, kept: null }] : [];
  });
  const watched = watchers.questions.flatMap(({ watcher: who, from, told, returnedAt }): readonly Asked[] => {
    if (told === null) return [];
    const { revision } = from;
    if (typeof told === "number") return [{ who, revision, returnedAt, at: null, kept: told }];
    // Who waits may be answered long after it was asked; only what was told is of the past.
    return told.events.length === 0
      ? []
      : [{ who, revision: told.events[0]?.entry.modRevision ?? revision, returnedAt, at: told.revision, kept: null }];
  });
  return [...reads, ...watched];
}

/** The highest revision that reading may have begun at then: by commands, or because all before it was old enough. */
export function mayBeginAt({ chosen, history }: Scene, { stands }: Replay, at: number): number {
  const upTo = stands.findLastIndex((_, slot) => slot > 0 && chosen.votedAt(slot) <= at);
  const newest = stands[upTo];
  if (newest === undefined) return 0;
  const old = stands.findLast(
    ({ revision, stamp }, slot) =>
      slot <= upTo - history.keptSlots &&
      revision <= newest.revision - history.historyRevisions &&
      stamp <= newest.stamp - history.historyMs,
  );
  return Math.max(newest.compacted, old === undefined ? 0 : old.revision + 1);
}
