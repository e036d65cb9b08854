/**
 * Linearizability of single keys, judged by revisions: every acknowledged put and every read names the revision it saw,
 * so real time must agree with their order. X1: an id takes effect once. U1: what was told `not-applied` never shows.
 */
import type { Operation } from "../history.ts";

interface Point {
  readonly op: Operation;
  readonly revision: number;
  readonly wrote: boolean;
}

export function checkVersions(history: readonly Operation[]): void {
  const keys = new Set(history.map((op) => op.key));
  for (const key of keys)
    checkKey(
      key,
      history.filter((op) => op.key === key),
    );
}

function checkKey(key: string, operations: readonly Operation[]): void {
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
      // A missing key was missing at the revision of the read; a present one stands at its own.
      points.push({ op, revision: entry?.modRevision ?? 0, wrote: false });
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
  checkOrder(key, points);
}

/** R1: an operation that begins after another returned sees at least what that one saw. */
function checkOrder(key: string, points: readonly Point[]): void {
  const deletions = points.some((p) => p.op.kind === "delete");
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
    const missing = point.revision === 0 && deletions;
    if (!missing && (point.wrote ? point.revision <= highest : point.revision < highest)) {
      throw new Error(
        `[R1] ${key}: ${point.op.kind} began at ${point.op.invokedAt} saw revision ${point.revision}, but ${highest} was returned before`,
      );
    }
  }
}
