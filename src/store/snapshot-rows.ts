/**
 * The rows of a snapshot as they travel from peer to peer: one JSON array each, its first element the kind. Written by
 * `snapshot.ts`, read strictly by `snapshot-load.ts`: a page from a peer is foreign input.
 */
import { leaseId, logTime, requestId, revision, slot } from "../support/brand.ts";
import type { Revision, Slot } from "../support/brand.ts";
import { unpackBytes } from "../support/bytes.ts";
import { assertNever } from "../support/assert.ts";
import { limits } from "../support/limits.ts";
import { isLeaseName, isName, isStoredKey, isTtl } from "./stored-names.ts";
import { decodeChanges } from "./changes.ts";
import type { BatchRow, ChangesPart } from "./history.ts";
import { isList, isTime, isTuple, isWhole, packValue, parseJson } from "./json-shape.ts";
import type { StoredRow } from "./keys.ts";
import type { Lease } from "./leases.ts";
import { packOutcome, readOutcome } from "./outcome-codec.ts";
import type { DurableOutcome } from "./outcomes.ts";
import type { Session } from "./sessions.ts";

export type SnapshotRow =
  | { readonly type: "key"; readonly row: StoredRow }
  | { readonly type: "lease"; readonly row: Lease }
  | { readonly type: "session"; readonly row: Session }
  | { readonly type: "outcome"; readonly row: DurableOutcome }
  | { readonly type: "batch"; readonly row: BatchRow }
  | { readonly type: "changes"; readonly row: ChangesPart }
  /** What a command had compacted the store to. */
  | { readonly type: "compacted"; readonly row: { readonly revision: Revision } }
  /**
   * The last row: up to which slot the rows before it tell, from which batch and revision on the source has history, and
   * of which batches it has swept what they made history.
   */
  | {
      readonly type: "end";
      readonly row: { readonly slot: Slot; readonly firstBatch: Slot; readonly floor: Revision; readonly swept: Slot };
    };

export function encodeRow({ type, row }: SnapshotRow): string {
  switch (type) {
    case "key": {
      const value = row.value === null ? null : packValue(row.value);
      return JSON.stringify(["k", row.key, row.modRevision, row.createRevision, row.version, row.lease, value]);
    }
    case "lease":
      return JSON.stringify([
        ...["l", row.id, row.ttlMs, row.renewal, row.renewedAt, row.granted ? 1 : 0],
        ...[row.herd, row.heldUntil],
      ]);
    case "session":
      return JSON.stringify(["s", row.id, row.next, row.expires]);
    case "outcome":
      return JSON.stringify(["o", row.id, row.deadline, row.fingerprint, packOutcome(row.outcome)]);
    case "batch":
      return JSON.stringify(["b", row.slot, row.stamp, row.before, row.revision, row.changes]);
    case "changes":
      return JSON.stringify(["h", row.slot, row.part, row.rows]);
    case "compacted":
      return JSON.stringify(["c", row.revision]);
    case "end":
      return JSON.stringify(["e", row.slot, row.firstBatch, row.floor, row.swept]);
    default:
      return assertNever(type, "snapshot row");
  }
}

/** @returns null when `text` is not a page of rows, each as `encodeRow` writes it. */
export function decodeRows(text: string): readonly SnapshotRow[] | null {
  const listed = parseJson(text);
  if (!isList(listed)) return null;
  const rows: SnapshotRow[] = [];
  for (const item of listed) {
    const row = isList(item) ? readRow(item) : null;
    if (row === null) return null;
    rows.push(row);
  }
  return rows;
}

function readRow(parts: readonly unknown[]): SnapshotRow | null {
  switch (parts[0]) {
    case "k":
      return readKey(parts);
    case "l":
      return readLease(parts);
    case "s":
      return readSession(parts);
    case "o":
      return readDurable(parts);
    case "b":
      return readBatch(parts);
    case "h":
      return readChanges(parts);
    case "c":
      return isTuple(parts, 2) && positive(parts[1])
        ? { type: "compacted", row: { revision: revision(parts[1]) } }
        : null;
    case "e":
      return readEnd(parts);
    default:
      return null;
  }
}

const whole = (value: unknown): value is number => isWhole(value, 0, Number.MAX_SAFE_INTEGER);
const positive = (value: unknown): value is number => isWhole(value, 1, Number.MAX_SAFE_INTEGER);

function readKey(parts: readonly unknown[]): SnapshotRow | null {
  if (!isTuple(parts, 7)) return null;
  const [, key, mod, created, version, lease, packed] = parts;
  if (!isStoredKey(key) || !positive(mod) || !whole(created) || !whole(version)) return null;
  if (lease !== null && !isLeaseName(lease)) return null;
  const value = typeof packed === "string" ? unpackBytes(packed) : null;
  // A row is a deletion in both its columns or in neither.
  if ((value === null) !== (packed === null) || (value === null) !== (version === 0)) return null;
  if (value !== null && value.length > limits.valueBytes) return null;
  const row = { key, modRevision: revision(mod), createRevision: revision(created), version, value };
  return { type: "key", row: { ...row, lease: lease === null ? null : leaseId(lease) } };
}

function readLease(parts: readonly unknown[]): SnapshotRow | null {
  if (!isTuple(parts, 8)) return null;
  const [, id, ttlMs, renewal, renewedAt, granted, herd, heldUntil] = parts;
  if (!isLeaseName(id) || !isTtl(ttlMs) || !positive(renewal) || !isTime(renewedAt)) return null;
  if (granted !== 0 && granted !== 1) return null;
  if ((herd !== null && !isName(herd)) || (heldUntil !== null && !isTime(heldUntil))) return null;
  const row = { id: leaseId(id), ttlMs, renewal, renewedAt, granted: granted === 1, herd, heldUntil };
  return { type: "lease", row };
}

function readSession(parts: readonly unknown[]): SnapshotRow | null {
  if (!isTuple(parts, 4)) return null;
  const [, id, next, expires] = parts;
  return isName(id) && positive(next) && whole(expires) ? { type: "session", row: { id, next, expires } } : null;
}

function readDurable(parts: readonly unknown[]): SnapshotRow | null {
  if (!isTuple(parts, 5)) return null;
  const [, id, deadline, fingerprint, packed] = parts;
  const outcome = readOutcome(packed);
  if (!isName(id) || !isTime(deadline) || outcome === null) return null;
  if (fingerprint !== null && !isName(fingerprint)) return null;
  return { type: "outcome", row: { id: requestId(id), deadline, fingerprint, outcome } };
}

function readBatch(parts: readonly unknown[]): SnapshotRow | null {
  if (!isTuple(parts, 6)) return null;
  const [, at, stamp, before, after, changes] = parts;
  if (!positive(at) || !isTime(stamp) || !whole(before) || !whole(after) || before > after) return null;
  if (changes !== null && (typeof changes !== "string" || decodeChanges(changes) === null)) return null;
  const milestone = {
    slot: slot(at),
    stamp: logTime(stamp),
    before: revision(before),
    revision: revision(after),
  };
  return { type: "batch", row: { ...milestone, changes } };
}

function readChanges(parts: readonly unknown[]): SnapshotRow | null {
  if (!isTuple(parts, 4)) return null;
  const [, at, part, rows] = parts;
  if (!positive(at) || !whole(part) || typeof rows !== "string" || decodeChanges(rows) === null) return null;
  return { type: "changes", row: { slot: slot(at), part, rows } };
}

function readEnd(parts: readonly unknown[]): SnapshotRow | null {
  if (!isTuple(parts, 5)) return null;
  const [, at, firstBatch, floor, swept] = parts;
  if (!positive(at) || !positive(firstBatch) || firstBatch > at + 1 || !whole(floor) || !whole(swept)) return null;
  const row = { slot: slot(at), firstBatch: slot(firstBatch), floor: revision(floor), swept: slot(swept) };
  return { type: "end", row };
}
