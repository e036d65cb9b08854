/** [W1] A watch of several ranges, on its way to a replica. */
import { expect, it } from "vitest";
import type { WatchRequest } from "../../../src/replica/messages.ts";
import { lockQueue, userKey } from "../../../src/store/key-space.ts";
import type { KeyRange } from "../../../src/store/transaction.ts";
import { revision } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { limits } from "../../../src/support/limits.ts";
import { decodeClientRequest, encodeClientRequest } from "../../../src/wire/client-codec.ts";

const ranges: readonly KeyRange[] = [
  { key: lockQueue(utf8("é")), end: userKey(utf8("~")) },
  { key: userKey(utf8("b")), end: null },
];
const watch = (also: readonly KeyRange[]): WatchRequest => ({
  type: "watch",
  query: {
    range: { key: userKey(utf8("a")), end: null },
    also,
    from: { revision: revision(3), index: 0 },
    puts: true,
    deletes: true,
    previous: false,
  },
  maxBytes: limits.watchBytes,
  waitMs: limits.watchWaitMs,
});

it("[W1] comes back as it went", () => {
  expect(decodeClientRequest(encodeClientRequest(watch(ranges)))).toEqual({ ok: true, body: watch(ranges) });
});

it("[W1] of none besides, of too many, or of something else is refused", () => {
  const isTaken = (also: readonly KeyRange[]) => decodeClientRequest(encodeClientRequest(watch(also))).ok;
  const many = (count: number): readonly KeyRange[] => Array(count).fill(ranges[1]) as KeyRange[];
  expect([0, 1, limits.watchRanges, limits.watchRanges + 1].map((count) => isTaken(many(count)))).toEqual([
    false,
    true,
    true,
    false,
  ]);
  const text = encodeClientRequest(watch(ranges));
  expect(decodeClientRequest(text.replace(/"also":\[\[.*?\]/, '"also":[7')).ok).toBe(false);
  expect(decodeClientRequest(text.replace('"also":', '"furthermore":')).ok).toBe(false);
});
