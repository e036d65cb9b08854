/**
 * Linearizability of the whole store, judged by revisions: every acknowledged write names the revision it made, every read
 * the revision it saw, so real time must agree with their order (R1), and what a read shows must be the newest at its
 * revision. X1: an id takes effect once. U1: what was told `not-applied` never shows.
 */
import type { Operation } from "../history.ts";

interface Point {
  readonly op: Operation;
  readonly revision: number;
  readonly wrote: boolean;
  /** What a read found the key to be last changed by; 0 for an absent key. */
  readonly shows?: number;
}

export function checkVersions(history: readonly Operation[]): void {
  const keys = new Set(history.map((op) => op.key));
  const points = [...keys].flatMap((key) =>
    checkKey(
      key,
      history.filter((op) => op.key === key),
    ),
  );
  checkOrder(points);
}

function checkKey(key: string, operations: readonly Operation[]): readonly Point[] {
  const points: Point[] = [];
  const valueAt = new Map<number, string>();
  const refused = new Set<string>();
  const note = (revision: number, value: string): void => {
    const known = valueAt.get(revision);
    if (known !== undefined && known !== value) throw new Error(`[C2] ${key}@${revision} is ${known} and ${value}`);
    valueAt.set(revision, value);
  };
  for (const op of operations) {
    const { reply } = op;
    if (reply === null) continue;
    if (reply.type === "failed" && op.value !== null && reply.outcome === "not-applied") refused.add(op.value);
    if (reply.type === "outcome" && reply.outcome.type === "put") {
      points.push({ op, revision: reply.outcome.revision, wrote: true });
      if (op.value !== null) note(reply.outcome.revision, op.value);
    }
    if (reply.type === "outcome" && reply.outcome.type === "deleted" && reply.outcome.existed) {
      points.push({ op, revision: reply.outcome.revision, wrote: true });
    }
    if (reply.type === "result" && reply.result.type === "entry") {
      const { entry } = reply.result;
      if (entry !== null) note(entry.modRevision, new TextDecoder().decode(entry.value));
      points.push({ op, revision: reply.revision, wrote: false, shows: entry?.modRevision ?? 0 });
    }
  }
  for (const value of refused) {
    if ([...valueAt.values()].includes(value)) throw new Error(`[U1] ${value} was told not-applied, and was applied`);
  }
  const revisions = new Map<string, number>();
  for (const [revision, value] of valueAt) {
    const other = revisions.get(value);
    if (other !== undefined && other !== revision)
      throw new Error(`[X1] ${value} was written at ${other} and at ${revision}`);
    revisions.set(value, revision);
  }
  // An absent key may have been deleted by somebody who was never told so; one that is there must be the newest.
  for (const { op, revision, shows = 0 } of points) {
    const missed =
      shows === 0 ? undefined : points.find((w) => w.wrote && w.revision > shows && w.revision <= revision);
    if (missed !== undefined) {
      throw new Error(`[L1] ${key}: a read at ${revision} (${op.invokedAt}) shows ${shows}, not ${missed.revision}`);
    }
  }
  return points;
}

/** R1: an operation that begins after another returned sees at least what that one saw. */
function checkOrder(points: readonly Point[]): void {
  const byReturn = points
    .filter((p) => p.op.returnedAt !== null)
    .toSorted((a, b) => (a.op.returnedAt ?? 0) - (b.op.returnedAt ?? 0));
  const byStart = points.toSorted((a, b) => a.op.invokedAt - b.op.invokedAt);
  let highest = 0;
  let next = 0;
  for (const point of byStart) {
    for (
      let ended = byReturn[next];
      ended !== undefined && (ended.op.returnedAt ?? Infinity) < point.op.invokedAt;
      ended = byReturn[next]
    ) {
      highest = Math.max(highest, ended.revision);
      next += 1;
    }
    if (point.wrote ? point.revision <= highest : point.revision < highest) {
      throw new Error(
        `[R1] ${point.op.key}: ${point.op.kind} began at ${point.op.invokedAt} saw revision ${point.revision}, but ${highest} was returned before`,
      );
    }
  }
}
