import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeRows, encodeRow } from "../../../src/store/snapshot-rows.ts";
import type { SnapshotRow } from "../../../src/store/snapshot-rows.ts";
import { leaseId, logTime, requestId, revision, slot } from "../../../src/support/brand.ts";
import type { ByteString } from "../../../src/support/brand.ts";
import { changes, encodeChanges, responses } from "./arbitrary-transactions.ts";

const count = fc.integer({ min: 1, max: 99 });
const name = fc.constantFrom("a", 'é"\\', "\0\u0001");
const key = fc.constantFrom("ka", "k\0\u00ff").map((text) => text as ByteString);
const packed = changes.map((drawn) => encodeChanges(drawn)[0] ?? null);

const row: fc.Arbitrary<SnapshotRow> = fc.oneof(
  fc
    .tuple(key, count, fc.uint8Array({ maxLength: 4 }), fc.option(name))
    .map(([key, at, value, lease]): SnapshotRow => ({
      type: "key",
      row: {
        key,
        value,
        modRevision: revision(at),
        createRevision: revision(at),
        version: at,
        lease: lease === null ? null : leaseId(lease),
      },
    })),
  fc.tuple(key, count).map(([key, at]): SnapshotRow => ({
    type: "key",
    row: { key, value: null, modRevision: revision(at), createRevision: revision(0), version: 0, lease: null },
  })),
  fc
    .tuple(name, count, fc.boolean(), fc.option(name), fc.option(count))
    .map(([id, n, granted, herd, heldUntil]): SnapshotRow => ({
      type: "lease",
      row: { id: leaseId(id), ttlMs: n, renewal: n, renewedAt: n, granted, herd, heldUntil },
    })),
  fc.tuple(name, count).map(([id, n]): SnapshotRow => ({ type: "session", row: { id, next: n, expires: n } })),
  fc.tuple(name, count, fc.option(responses), fc.option(name)).map(([id, n, answered, fingerprint]): SnapshotRow => ({
    type: "outcome",
    row: {
      id: requestId(id),
      deadline: n,
      fingerprint,
      outcome: { type: "txn", revision: revision(n), succeeded: n % 2 === 0, responses: answered },
    },
  })),
  fc.tuple(count, packed).map(([n, changes]): SnapshotRow => ({
    type: "batch",
    row: { slot: slot(n), stamp: logTime(n), before: revision(n), revision: revision(n + 1), changes },
  })),
  fc.tuple(count, packed).map(([n, rows]): SnapshotRow => ({
    type: "changes",
    row: { slot: slot(n), part: n, rows: rows ?? "[]" },
  })),
  count.map((n): SnapshotRow => ({ type: "compacted", row: { revision: revision(n) } })),
  fc.tuple(count, fc.nat({ max: 9 })).map(([n, floor]): SnapshotRow => ({
    type: "end",
    row: { slot: slot(n), firstBatch: slot(n), floor: revision(floor), swept: slot(floor) },
  })),
);

test("every row of a snapshot comes back as it went", () => {
  const kinds = new Set<string>();
  const check = (rows: readonly SnapshotRow[]): void => {
    for (const { type } of rows) kinds.add(type);
    expect(decodeRows(`[${rows.map(encodeRow).join(",")}]`)).toEqual(rows);
  };
  fc.assert(fc.property(fc.array(row, { maxLength: 5 }), check), { numRuns: 300, seed: 1 });
  expect(kinds.size).toBe(8);
});
