/** A socket's window: what was sent and acknowledged, and when a client is given up. */
import { describe, expect, it } from "vitest";
import { revision } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { userRange } from "../../../src/store/key-space.ts";
import {
  acknowledged,
  hasRoom,
  heldUp,
  isGivenUp,
  movedTo,
  openWindow,
  sent,
  unackedSize,
  windowIn,
} from "../../../workers/objects/watch-window.ts";

const place = (at: number, index = 0) => ({ revision: revision(at), index });
const query = { range: userRange, from: place(5), puts: true, deletes: true, previous: false };
const open = openWindow({ namespace: "n", region: "wnam" }, query);

describe("a window", () => {
  it("has room until so many messages are unacknowledged", () => {
    let window = open;
    for (let i = 0; i < limits.watchUnackedMessages; i += 1) {
      expect(hasRoom(window)).toBe(true);
      window = sent(window, place(6 + i), 10);
    }
    expect([hasRoom(window), unackedSize(window)]).toEqual([false, 10 * limits.watchUnackedMessages]);
    const freed = acknowledged(window, place(7));
    expect([freed?.unacked.length, freed?.acked]).toEqual([limits.watchUnackedMessages - 2, place(7)]);
  });

  it("has room until so many bytes are, and always for one message", () => {
    const full = sent(open, place(6), 10 * limits.watchUnackedBytes);
    expect([hasRoom(open), hasRoom(full)]).toEqual([true, false]);
    expect(hasRoom(acknowledged(full, place(6)) ?? full)).toBe(true);
  });

  it("takes acknowledgements twice, late, and in between, but not for what was never sent", () => {
    const window = sent(sent(open, place(6), 1), place(9), 1);
    const first = acknowledged(window, place(7));
    expect(first?.unacked).toEqual([{ next: place(9), size: 1 }]);
    expect(acknowledged(first ?? open, place(6))).toBe(first);
    expect(acknowledged(window, place(9, 1))).toBeNull();
    expect(acknowledged(open, place(6))).toBeNull();
  });

  it("moves on over what was not asked for, and never back", () => {
    expect(movedTo(open, place(8))).toMatchObject({ next: place(8), acked: place(8) });
    expect(movedTo(open, place(4))).toBe(open);
    expect(movedTo(sent(open, place(6), 1), place(8))).toMatchObject({ next: place(8), acked: place(5) });
  });

  it("is given up once it was held up for long, without any acknowledgement", () => {
    const held = heldUp(heldUp(sent(open, place(6), 1), 1_000), 2_000);
    expect(isGivenUp(held, 1_000 + limits.watchBehindMs)).toBe(false);
    expect(isGivenUp(held, 1_001 + limits.watchBehindMs)).toBe(true);
    expect(isGivenUp(acknowledged(held, place(6)) ?? held, Number.MAX_SAFE_INTEGER)).toBe(false);
    expect(isGivenUp(open, Number.MAX_SAFE_INTEGER)).toBe(false);
  });

  it("fits an attachment with the largest keys, and is read back only from one of ours", () => {
    const key = "\u00ff".repeat(limits.storedKeyBytes) as typeof userRange.key;
    let window = openWindow({ namespace: "n".repeat(63), region: "apac-ne" }, { ...query, range: { key, end: key } });
    for (let i = 1; i <= limits.watchUnackedMessages; i += 1)
      window = sent(window, place(2 ** 52 + i, 9_999), 1_000_000);
    expect(new TextEncoder().encode(JSON.stringify(window)).length).toBeLessThan(8_192);
    expect(windowIn(structuredClone(window))).toEqual(window);
    for (const other of [null, undefined, "x", {}, { ...window, version: 2 }]) expect(windowIn(other)).toBeNull();
  });
});
