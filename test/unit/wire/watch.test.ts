/** What watchers are told and say: places, pages that divide no revision, events as clients see them, their messages. */
import { describe, expect, it } from "vitest";
import { leaseId, revision } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import type { StoreEvent } from "../../../src/store/events.ts";
import { userKey } from "../../../src/store/key-space.ts";
import {
  byRevision,
  decodePlace,
  encodePlace,
  isBefore,
  shownEvent,
  wholeRevisions,
} from "../../../src/wire/watch-codec.ts";
import { decodeWatchMessage } from "../../../src/wire/watch-message.ts";

const place = (at: number, index = 0) => ({ revision: revision(at), index });
const put = (key: Uint8Array, at: number, value: Uint8Array = utf8("v")): StoreEvent => ({
  type: "put",
  entry: {
    key: userKey(key),
    value,
    createRevision: revision(at),
    modRevision: revision(at),
    version: 1,
    lease: null,
  },
  previous: null,
});
const at = (...revisions: readonly number[]) => revisions.map((one) => put(utf8("a"), one));

describe("a place", () => {
  it.each([place(1), place(13), place(13, 2), place(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)])(
    "%j is read as it was written",
    (one) => {
      expect(decodePlace(encodePlace(one))).toEqual(one);
    },
  );

  it.each([
    "",
    "0",
    "01",
    "1.0",
    "1.",
    ".1",
    "1.01",
    "-1",
    "1e3",
    " 1",
    "1 ",
    "1.2.3",
    "x",
    "9007199254740992",
    "1.9007199254740992",
  ])("is not %j", (text) => {
    expect(decodePlace(text)).toBeNull();
  });

  it("has an order", () => {
    expect(isBefore(place(1, 5), place(2))).toBe(true);
    expect(isBefore(place(2), place(2, 1))).toBe(true);
    expect(isBefore(place(2, 1), place(2, 1))).toBe(false);
    expect(isBefore(place(2), place(1, 5))).toBe(false);
  });
});

describe("[N2] a page", () => {
  it("ends with a whole revision where one fits it", () => {
    const page = { events: at(3, 4, 5, 5), next: place(5, 2) };
    expect(wholeRevisions(page)).toEqual({ events: at(3, 4), next: place(5) });
    expect(wholeRevisions({ events: at(3, 4), next: place(5, 2) })).toEqual({ events: at(3, 4), next: place(5) });
  });

  it("is left as it is where none is divided, or none fits", () => {
    for (const page of [
      { events: at(3, 4), next: place(5) },
      { events: at(5, 5), next: place(5, 2) },
      { events: [], next: place(5, 2) },
    ]) {
      expect(wholeRevisions(page)).toEqual(page);
    }
  });

  it("is told revision by revision, each with the place after it", () => {
    expect(byRevision({ events: at(3, 3, 5), next: place(9) })).toEqual([
      { revision: 3, events: at(3, 3), more: false, next: place(4) },
      { revision: 5, events: at(5), more: false, next: place(6) },
    ]);
    expect(byRevision({ events: at(5, 5), next: place(5, 2) })).toEqual([
      { revision: 5, events: at(5, 5), more: true, next: place(5, 2) },
    ]);
    expect(byRevision({ events: [], next: place(5) })).toEqual([]);
  });
});

describe("an event", () => {
  it("has the members that listings have", () => {
    const { entry } = put(utf8("a"), 3);
    const before = { ...entry, modRevision: revision(2), lease: leaseId("x") };
    const shown = { key: "a", value: "v", createRevision: 3, modRevision: 3, version: 1 };
    expect(shownEvent({ type: "put", entry, previous: null }, false)).toEqual({ type: "put", ...shown });
    expect(shownEvent({ type: "put", entry, previous: null }, true)).toEqual({ type: "put", ...shown, previous: null });
    expect(shownEvent({ type: "delete", entry, previous: before }, true)).toEqual({
      type: "delete",
      key: "a",
      modRevision: 3,
      previous: { ...shown, modRevision: 2, lease: "x" },
    });
  });

  it("shows bytes that are not text as base64", () => {
    expect(shownEvent(put(Uint8Array.of(0xff), 1, Uint8Array.of(0xfe)), false)).toMatchObject({
      key: "/w==",
      keyEncoding: "base64",
      value: "/g==",
      encoding: "base64",
    });
  });
});

describe("a client's message", () => {
  it("acknowledges, or asks", () => {
    expect(decodeWatchMessage('{"type":"ack","next":"13.2"}')).toEqual({ type: "ack", next: place(13, 2) });
    expect(decodeWatchMessage('{"type":"progress"}')).toEqual({ type: "progress" });
  });

  it.each([
    "",
    "x",
    "null",
    "[]",
    "1",
    "{}",
    '{"type":"ack"}',
    '{"type":"ack","next":13}',
    '{"type":"ack","next":"0"}',
    '{"type":"progress","more":1}',
    '{"type":"constructor"}',
  ])("is not %j, and is told why", (text) => {
    expect(decodeWatchMessage(text)).toMatchObject({
      type: "malformed",
      reason: expect.stringMatching(/\S/) as unknown,
    });
  });
});
