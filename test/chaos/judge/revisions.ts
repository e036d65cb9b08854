/**
 * What revisions give away, whichever key and however strong the read: real time agrees with the order of revisions
 * across all keys (R1); whatever a read shows is the newest at the revision it names (L1, L2), and so is a prefix of one
 * history; a revision stands for one change and a change for one revision (C2, X1); what was told `not-applied` never
 * shows (U1).
 */
import type { ReadCall, Recording, WriteCall } from "../recording.ts";
import { finding, type Finding } from "./finding.ts";

export function judgeRevisions(recording: Recording): readonly Finding[] {
  const { writes, reads } = recording;
  return [
    finding("revisions follow real time across all keys (R1)", reads.length + writes.length, outOfOrder(recording)),
    finding("every read shows the newest at its revision (L1, L2)", reads.length, notNewest(recording)),
    finding("one change, one revision (C2, X1)", writes.length, notUnique(recording)),
    finding("what was told not-applied never shows (U1)", count(writes, "not-applied"), resurrected(recording)),
  ];
}

const count = (writes: readonly WriteCall[], type: string): number =>
  writes.filter(({ told }) => told.type === type).length;

interface Point {
  readonly what: string;
  readonly calledAt: number;
  readonly returnedAt: number;
  readonly revision: number;
  readonly made: boolean;
}

/** A call that begins after another returned sees at least the other's revision; one that makes a revision, a higher one. */
function outOfOrder({ writes, reads }: Recording): readonly string[] {
  const points: readonly Point[] = [
    ...writes.flatMap((write): readonly Point[] => {
      const { told } = write;
      return told.type === "acknowledged"
        ? [{ ...write, what: nameOf(write), revision: told.revision, made: told.changed }]
        : [];
    }),
    ...reads
      .filter(({ consistency }) => consistency === "linearizable")
      .map((read) => ({ ...read, what: `${read.client}: GET ${read.shown[0]?.key}`, made: false })),
  ];
  const byReturn = points.toSorted((one, other) => one.returnedAt - other.returnedAt);
  const complaints: string[] = [];
  let next = 0;
  let highest: Point | undefined;
  for (const point of points.toSorted((one, other) => one.calledAt - other.calledAt)) {
    for (let ended = byReturn[next]; ended !== undefined && ended.returnedAt < point.calledAt; ended = byReturn[next]) {
      if (highest === undefined || ended.revision > highest.revision) highest = ended;
      next += 1;
    }
    if (highest === undefined) continue;
    if (point.made ? point.revision > highest.revision : point.revision >= highest.revision) continue;
    complaints.push(`${describe(point)}, after ${describe(highest)}`);
  }
  return complaints;
}

const describe = ({ what, revision, calledAt, returnedAt }: Point): string =>
  `${what} at revision ${revision} [${calledAt.toFixed(1)}..${returnedAt.toFixed(1)}]`;

function notNewest({ writes, reads }: Recording): readonly string[] {
  const complaints: string[] = [];
  const byKey = Map.groupBy(writes, ({ key }) => key);
  for (const read of reads) {
    for (const { key, found } of read.shown) {
      const complaint = contradiction(byKey.get(key) ?? [], read, found?.modRevision ?? null);
      if (complaint !== null)
        complaints.push(`${nameOfRead(read)} shows ${key}@${found?.modRevision ?? 0}: ${complaint}`);
    }
  }
  return complaints;
}

function contradiction(writes: readonly WriteCall[], read: ReadCall, modRevision: number | null): string | null {
  if (modRevision !== null && modRevision > read.revision) return "changed later than the state it belongs to";
  let last: { readonly write: WriteCall; readonly revision: number } | null = null;
  for (const write of writes) {
    if (write.told.type !== "acknowledged" || !write.told.changed) continue;
    const { revision } = write.told;
    if (revision <= read.revision && revision > (last?.revision ?? 0)) last = { write, revision };
  }
  if (last === null) return null;
  const missed = `revision ${last.revision} by ${nameOf(last.write)} is missing`;
  if (modRevision !== null) return last.revision > modRevision ? missed : null;
  if (last.write.operation === "delete") return null;
  // Absent after a put: deleted by somebody who was never told so, or not at all.
  const excused = writes.some(
    ({ operation, told, calledAt }) => operation === "delete" && told.type === "unknown" && calledAt <= read.returnedAt,
  );
  return excused ? null : missed;
}

function notUnique({ writes, reads }: Recording): readonly string[] {
  const complaints = new Set<string>();
  const changeAt = new Map<number, string>();
  const revisionOf = new Map<string, number>();
  const note = (revision: number, change: string): void => {
    const other = changeAt.get(revision) ?? change;
    if (other !== change) complaints.add(`revision ${revision} is both ${other} and ${change}`);
    changeAt.set(revision, other);
    const elsewhere = revisionOf.get(change) ?? revision;
    if (elsewhere !== revision) complaints.add(`${change} was made at revision ${elsewhere} and at ${revision}`);
    revisionOf.set(change, elsewhere);
  };
  for (const write of writes) {
    const { operation, key, value, told } = write;
    if (told.type !== "acknowledged" || !told.changed) continue;
    // A delete leaves nothing by which it could be told from another.
    note(told.revision, operation === "put" ? `${key}=${value}` : `the deletion of ${key} at ${told.revision}`);
  }
  for (const { shown } of reads) {
    for (const { key, found } of shown) if (found !== null) note(found.modRevision, `${key}=${found.value}`);
  }
  return [...complaints];
}

function resurrected({ writes, reads }: Recording): readonly string[] {
  const shown = new Set(reads.flatMap((read) => read.shown.map(({ key, found }) => `${key}=${found?.value}`)));
  return writes
    .filter(({ key, value, told }) => told.type === "not-applied" && value !== null && shown.has(`${key}=${value}`))
    .map((write) => `${nameOf(write)} was told not-applied, and was read`);
}

const nameOf = ({ client, operation, key, value }: WriteCall): string =>
  `${client}: ${operation === "put" ? `PUT ${key}=${value}` : `DELETE ${key}`}`;

const nameOfRead = ({ client, consistency, servedBy, revision }: ReadCall): string =>
  `a ${consistency} read by ${client}, served by ${servedBy} at revision ${revision},`;
