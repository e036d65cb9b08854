/**
 * The rows of a snapshot as they travel from peer to peer: one JSON array each, its first element the kind. Written by
 * `snapshot.ts`, read strictly by `snapshot-load.ts`: a page from a peer is foreign input.
 */
import { leaseId, logTime, requestId, revision, slot } from "../support/brand.ts";
import type { Slot } from "../support/brand.ts";
import { unpackBytes } from "../support/bytes.ts";
import { assertNever } from "../support/assert.ts";
import { limits } from "../support/limits.ts";
import { isLeaseName, isName, isStoredKey, isTtl } from "./command-codec.ts";
import type { BatchRow, SupersededPart } from "./history.ts";
import { isList, isTime, isTuple, isWhole, packValue, parseJson } from "./json-shape.ts";
import type { StoredRow } from "./keys.ts";
import type { Lease, LeaseKey } from "./leases.ts";
import { packOutcome, readOutcome } from "./outcome-codec.ts";
import type { DurableOutcome } from "./outcomes.ts";
import type { Session } from "./sessions.ts";
import { decodeSuperseded } from "./superseded.ts";

export type SnapshotRow =
  | { readonly type: "key"; readonly row: StoredRow }
  | { readonly type: "lease"; readonly row: Lease }
  | { readonly type: "lease-key"; readonly row: LeaseKey }
  | { readonly type: "session"; readonly row: Session }
  | { readonly type: "outcome"; readonly row: DurableOutcome }
  | { readonly type: "batch"; readonly row: BatchRow }
  | { readonly type: "superseded"; readonly row: SupersededPart }
  /** The last row: up to which slot the rows before it tell, and from which on the source still has history. */
  | { readonly type: "end"; readonly row: { readonly slot: Slot; readonly firstBatch: Slot } };

export function encodeRow({ type, row }: SnapshotRow): string {
  switch (type) {
    case "key": {
      const value = row.value === null ? null : packValue(row.value);
      return JSON.stringify(["k", row.key, row.modRevision, row.createRevision, row.version, row.lease, value]);
    }
    case "lease":
      return JSON.stringify(["l", row.id, row.ttlMs, row.renewal, row.renewedAt]);
    case "lease-key":
      return JSON.stringify(["t", row.lease, row.key]);
    case "session":
      return JSON.stringify(["s", row.id, row.next, row.expires]);
    case "outcome":
      return JSON.stringify(["o", row.id, row.deadline, row.fingerprint, packOutcome(row.outcome)]);
    case "batch":
      return JSON.stringify(["b", row.slot, row.stamp, row.before, row.revision, row.superseded]);
    case "superseded":
      return JSON.stringify(["h", row.slot, row.part, row.rows]);
    case "end":
      return JSON.stringify(["e", row.slot, row.firstBatch]);
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
    case "t":
      return readLeaseKey(parts);
    case "s":
      return readSession(parts);
    case "o":
      return readDurable(parts);
    case "b":
      return readBatch(parts);
    case "h":
      return readSuperseded(parts);
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
  if (!isTuple(parts, 5)) return null;
  const [, id, ttlMs, renewal, renewedAt] = parts;
  if (!isLeaseName(id) || !isTtl(ttlMs) || !positive(renewal) || !isTime(renewedAt)) return null;
  return { type: "lease", row: { id: leaseId(id), ttlMs, renewal, renewedAt } };
}

function readLeaseKey(parts: readonly unknown[]): SnapshotRow | null {
  if (!isTuple(parts, 3)) return null;
  const [, lease, key] = parts;
  return isLeaseName(lease) && isStoredKey(key) ? { type: "lease-key", row: { lease: leaseId(lease), key } } : null;
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
  const [, at, stamp, before, after, superseded] = parts;
  if (!positive(at) || !isTime(stamp) || !whole(before) || !whole(after) || before > after) return null;
  if (superseded !== null && (typeof superseded !== "string" || decodeSuperseded(superseded) === null)) return null;
  const milestone = {
    slot: slot(at),
    stamp: logTime(stamp),
    before: revision(before),
    revision: revision(after),
  };
  return { type: "batch", row: { ...milestone, superseded } };
}

function readSuperseded(parts: readonly unknown[]): SnapshotRow | null {
  if (!isTuple(parts, 4)) return null;
  const [, at, part, rows] = parts;
  if (!positive(at) || !whole(part) || typeof rows !== "string" || decodeSuperseded(rows) === null) return null;
  return { type: "superseded", row: { slot: slot(at), part, rows } };
}

function readEnd(parts: readonly unknown[]): SnapshotRow | null {
  if (!isTuple(parts, 3)) return null;
  const [, at, firstBatch] = parts;
  if (!positive(at) || !positive(firstBatch) || firstBatch > at + 1) return null;
  return { type: "end", row: { slot: slot(at), firstBatch: slot(firstBatch) } };
}
