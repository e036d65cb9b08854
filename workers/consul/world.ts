/** What the steps of a write are decided on, read at one moment; and what must still hold for the decision to be right. */
import type { ByteString, Revision } from "../../src/support/brand.ts";
import type { Consistency } from "../../src/replica/messages.ts";
import type { Entry } from "../../src/store/command.ts";
import { allOf } from "../../src/store/ranges.ts";
import type { Compare, KeyRange, RangeQuery } from "../../src/store/transaction.ts";
import type { Visit } from "../gateway/visit.ts";
import { pairOf, wasReleased } from "./pairs.ts";
import type { Rows } from "./pairs.ts";
import { isUuid, sessionOf } from "./sessions.ts";
import type { Session } from "./sessions.ts";
import { lastChanges, snapshotOf } from "./snapshot.ts";
import { alone, besideKey, besideRange, keyOfBeside, keyOfPair, pairKey, pairRange, sessionKey } from "./space.ts";
import type { Standing, Step, World } from "./steps.ts";

/** Rows of a key, and the marker of its lock-delay. */
interface AllRows extends Rows {
  readonly delay: Entry | null;
}

const noRows: AllRows = { pair: null, meta: null, holder: null, delay: null };
const nothing: Standing = { pair: null, delayed: false };

/** A world as it was at one revision. */
export interface Seen extends World {
  readonly revision: Revision;
  readonly headers: Readonly<Record<string, string>>;
  rows(key: ByteString): AllRows;
  /** Hold as long as nothing has changed that the steps are decided on. */
  readonly guards: readonly Compare[];
}

interface Needed {
  readonly keys: readonly ByteString[];
  readonly trees: readonly ByteString[];
  readonly sessions: readonly string[];
}

function neededBy(steps: readonly Step[]): Needed {
  const [keys, trees, sessions] = [new Set<ByteString>(), new Set<ByteString>(), new Set<string>()];
  for (const step of steps) {
    if (step.verb === "get-tree") trees.add(step.key);
    else if (step.verb !== "delete-tree" && step.verb !== "fail") keys.add(step.key);
    if ((step.verb === "lock" || step.verb === "unlock") && isUuid(step.session)) sessions.add(step.session);
  }
  return { keys: [...keys], trees: [...trees], sessions: [...sessions] };
}

const point = (key: ByteString): RangeQuery => allOf(alone(key));

/** Reads all that the steps need to be decided. */
export async function look(visit: Visit, consistency: Consistency, steps: readonly Step[]): Promise<Seen> {
  const { keys, trees, sessions } = neededBy(steps);
  const ofKeys = keys.flatMap((key) => [
    point(pairKey(key)),
    point(besideKey("m", key)),
    point(besideKey("h", key)),
    point(besideKey("d", key)),
  ]);
  const ofTrees = trees.flatMap((key) => [
    allOf(pairRange(key)),
    allOf(besideRange("m", key)),
    allOf(besideRange("h", key)),
  ]);
  const ofSessions = sessions.map((id) => point(sessionKey(id)));
  const queries = [...ofKeys, ...ofTrees, ...ofSessions];
  // A question for nothing would not tell where the store stands.
  if (queries.length === 0) queries.push(point(sessionKey("")));
  const { ranges, revision, headers } = await snapshotOf(visit, consistency, queries);

  const rows = new Map<ByteString, AllRows>();
  const members = new Map<ByteString, readonly ByteString[]>();
  const guards: Compare[] = [];
  for (const [at, prefix] of trees.entries()) {
    const [pairs = [], metas = [], holders = []] = ranges.slice(ofKeys.length + 3 * at);
    const found = rowsByKey(pairs, metas, holders);
    for (const [key, one] of found) rows.set(key, { ...one, delay: null });
    members.set(prefix, [...found.keys()]);
    guards.push(unchanged(pairRange(prefix), revision), unchanged(besideRange("h", prefix), revision));
    for (const entry of [...pairs, ...holders]) guards.push(createdAt(entry.key, entry.createRevision));
  }
  for (const [at, key] of keys.entries()) {
    const [pair, meta, holder, delay] = ranges.slice(4 * at, 4 * at + 4).map(([entry = null]) => entry);
    rows.set(key, { pair: pair ?? null, meta: meta ?? null, holder: holder ?? null, delay: delay ?? null });
    const stored = [pairKey(key), besideKey("m", key), besideKey("h", key), besideKey("d", key)];
    for (const [part, row] of [pair, meta, holder, delay].entries()) {
      guards.push(modifiedAt(stored[part] ?? pairKey(key), row?.modRevision ?? 0));
    }
  }
  const known = new Map<string, Session>();
  for (const [at, id] of sessions.entries()) {
    const [entry] = ranges[ofKeys.length + ofTrees.length + at] ?? [];
    const session = entry === undefined ? null : sessionOf(entry);
    if (session !== null) known.set(id, session);
    guards.push(createdAt(sessionKey(id), session?.createIndex ?? 0));
  }
  const standings = await standingsOf(visit, rows, revision);
  return {
    revision,
    headers,
    guards,
    rows: (key) => rows.get(key) ?? noRows,
    standing: (key) => standings.get(key) ?? nothing,
    session: (id) => known.get(id) ?? null,
    tree: (prefix) => members.get(prefix) ?? [],
  };
}

/** The rows of all keys of a tree, in order. What stands beside no key is left out. */
export function rowsByKey(
  pairs: readonly Entry[],
  metas: readonly Entry[],
  holders: readonly Entry[],
): ReadonlyMap<ByteString, Rows> {
  const metaOf = new Map(metas.map((entry) => [keyOfBeside(entry.key), entry]));
  const holderOf = new Map(holders.map((entry) => [keyOfBeside(entry.key), entry]));
  return new Map(
    pairs.map((pair) => {
      const key = keyOfPair(pair.key);
      return [key, { pair, meta: metaOf.get(key) ?? null, holder: holderOf.get(key) ?? null }];
    }),
  );
}

/** When each key that was released without being written was so. */
export async function releasesOf(
  visit: Visit,
  rows: ReadonlyMap<ByteString, Rows>,
  revision: Revision,
): Promise<ReadonlyMap<ByteString, number>> {
  const released = [...rows].filter(([, one]) => wasReleased(one)).map(([key]) => key);
  if (released.length === 0) return new Map();
  const ranges = released.map((key) => alone(besideKey("h", key)));
  const changes = await lastChanges(visit, ranges, revision);
  return new Map(released.map((key, at) => [key, changes[at] ?? 0]));
}

async function standingsOf(visit: Visit, rows: ReadonlyMap<ByteString, AllRows>, revision: Revision) {
  const releases = await releasesOf(visit, rows, revision);
  const standings = new Map<ByteString, Standing>();
  for (const [key, one] of rows) {
    const pair = pairOf(key, one, releases.get(key));
    // A holder that is still there although its key was deleted keeps nobody out.
    standings.set(key, { pair, delayed: one.delay !== null && one.holder === null });
  }
  return standings;
}

const modifiedAt = (key: ByteString, number: number): Compare => ({
  range: alone(key),
  result: "equal",
  operand: { type: "mod", number },
});

const createdAt = (key: ByteString, number: number): Compare => ({
  range: alone(key),
  result: "equal",
  operand: { type: "create", number },
});

/** Nothing was written there since; deletions it does not notice. */
const unchanged = (range: KeyRange, since: Revision): Compare => ({
  range,
  result: "less",
  operand: { type: "mod", number: since + 1 },
});
