/** What Consul's door reads and writes: durations, JSON, errors, parameters of reads. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../src/support/bytes.ts";
import { Call } from "../../../workers/consul/call.ts";
import { durationOf, millisecondsOf, shownDuration } from "../../../workers/consul/durations.ts";
import { ConsulError, consulErrorOf } from "../../../workers/consul/errors.ts";
import { exactly, Members, parsed } from "../../../workers/consul/json.ts";
import { consistencyIn, waitIn } from "../../../workers/consul/reading.ts";
import { consulToken } from "../../../workers/consul/token.ts";
import { Problem } from "../../../workers/gateway/problems.ts";
import { delayLifeMs, delayMs, isUuid, lifeMs } from "../../../workers/consul/sessions.ts";
import { visitWith } from "./visit.ts";

const second = 1_000_000_000n;

describe("a duration", () => {
  it.each([
    ["10s", 10n * second],
    ["1h30m", 5400n * second],
    ["1.5h", 5400n * second],
    ["250ms", second / 4n],
    [".5s", second / 2n],
    ["2µs", 2000n],
    ["7ns", 7n],
    ["-5s", -5n * second],
    ["+5s", 5n * second],
    ["0", 0n],
    ["10000ms", 10n * second],
  ])("%s is read as Go reads it", (text, nanoseconds) => {
    expect(durationOf(text)).toBe(nanoseconds);
  });

  it.each(["", "10", "s", "10 s", "ten", "1d", "1s1", ".s", "--1s", "1e3s", "9999999999h", "1".repeat(80)])(
    "%j is none",
    (text) => {
      expect(durationOf(text)).toBeNull();
    },
  );

  it.each([
    [90n * second, "1m30s"],
    [3600n * second, "1h0m0s"],
    [86_400n * second, "24h0m0s"],
    [(3n * second) / 2n, "1.5s"],
    [second / 4n, "250ms"],
    [1500n, "1.5µs"],
    [0n, "0s"],
    [-10n * second, "-10s"],
  ])("%s ns is written %s", (nanoseconds, text) => {
    expect(shownDuration(nanoseconds)).toBe(text);
  });

  it("is read back as it was written", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }), (nanoseconds) => {
        expect(durationOf(shownDuration(nanoseconds))).toBe(nanoseconds);
      }),
    );
  });

  it("is never cut short in milliseconds", () => {
    expect([millisecondsOf(1n), millisecondsOf(second), millisecondsOf(0n)]).toEqual([1, 1000, 0]);
  });
});

const members = (text: string): Members => new Members(parsed(utf8(text)));

describe("a body", () => {
  it("is read by names in any case, with underscores or without", () => {
    const from = members('{"name":"web","SERVICE_ID":"w1","Port":80,"EnableTagOverride":true,"tags":null}');
    expect([from.text("Name"), from.text("ServiceID"), from.whole("Port")]).toEqual(["web", "w1", 80]);
    expect([from.flag("EnableTagOverride"), from.texts("Tags")]).toEqual([true, undefined]);
    expect(() => from.end()).not.toThrow();
  });

  it.each([
    ['{"Name":1}', (from: Members) => from.text("Name"), "cannot unmarshal number into field Name of type string"],
    ['{"Name":"x"}', (from: Members) => from.flag("Name"), "cannot unmarshal string into field Name of type bool"],
    ['{"Port":1.5}', (from: Members) => from.whole("Port"), "of type int"],
    ['{"Port":99999999999999999999}', (from: Members) => from.whole("Port"), "of type int"],
    ['{"Tags":["a",1]}', (from: Members) => from.texts("Tags"), "of type string"],
    ['{"Tags":{}}', (from: Members) => from.texts("Tags"), "of type []"],
    ['{"Meta":{"a":1}}', (from: Members) => from.textMap("Meta"), "Meta.a"],
    ['{"Check":[]}', (from: Members) => from.object("Check"), "Check must be an object, not array"],
    ['{"Checks":[1]}', (from: Members) => from.objects("Checks"), "Checks.0 must be an object, not number"],
    ['{"TTL":"soon"}', (from: Members) => from.duration("TTL"), 'time: invalid duration "soon"'],
    ['{"Other":1}', (from: Members) => from.end(), 'json: unknown field "Other"'],
    ['{"Name":"\\ud800"}', (from: Members) => from.text("Name"), "of type string"],
  ])("%s is refused clearly", (text, read, why) => {
    expect(() => read(members(text))).toThrow(why);
  });

  it.each(["{", "[1", '"\\x"', '{"a":1,"a":2}', '{"a":1,"A":2}', "[]", "7", `${"[".repeat(100)}${"]".repeat(100)}`])(
    "%s is none",
    (text) => {
      expect(() => members(text)).toThrow(ConsulError);
    },
  );

  it("may be empty, and keeps the client's own names as they are", () => {
    expect(parsed(utf8(" \n"))).toBeUndefined();
    expect(members('{"Meta":{"My_Key":"v"}}').textMap("Meta")).toEqual({ My_Key: "v" });
    expect(members('{"D":"10s","E":5}').duration("D")).toBe(10n * second);
    expect(members('{"E":5}').duration("E")).toBe(5n);
  });

  it("holds whole numbers of any size", () => {
    const most = "18446744073709551615";
    expect(members(`{"Flags":${most}}`).digits("Flags")).toBe(most);
    expect(JSON.stringify({ Flags: exactly(most) })).toBe(`{"Flags":${most}}`);
  });
});

const call = (query: string): Call =>
  new Call(
    visitWith(async () => null),
    new Request(`http://synod.test/v1/kv/a${query}`),
    "a",
  );

describe("a read", () => {
  it.each([
    ["", { type: "linearizable" }],
    ["?consistent", { type: "linearizable" }],
    ["?stale", { type: "local", maxAgeMs: null }],
    ["?stale=", { type: "local", maxAgeMs: null }],
    ["?max_stale=10s", { type: "local", maxAgeMs: 10_000 }],
  ])("%s is %j", (query, consistency) => {
    expect(consistencyIn(call(query)).first).toEqual(consistency);
  });

  it.each(["?stale&consistent", "?max_stale=1s&consistent", "?max_stale=-1s", "?max_stale=x"])(
    "%s is none",
    (query) => {
      expect(() => consistencyIn(call(query))).toThrow(ConsulError);
    },
  );

  it.each([
    ["", 0, 300_000],
    ["?index=7", 7, 300_000],
    ["?index=7&wait=10s", 7, 10_000],
    ["?index=7&wait=10000ms", 7, 10_000],
    ["?index=7&wait=1h", 7, 600_000],
    ["?index=7&wait=-1s", 7, 300_000],
    ["?index=7&wait=0", 7, 300_000],
  ])("%s waits for more than %i, %i ms and up to a sixteenth more", (query, index, ms) => {
    const wait = waitIn(call(query));
    expect(wait.index).toBe(index);
    expect(wait.ms).toBeGreaterThanOrEqual(ms);
    expect(wait.ms).toBeLessThanOrEqual(ms + ms / 16);
  });

  it.each(["?index=x", "?index=-1", "?index=1.5", "?index=1&wait=10", "?wait=x"])("%s is not understood", (query) => {
    expect(() => waitIn(call(query))).toThrow(ConsulError);
  });
});

describe("an error", () => {
  it("is told as Consul tells it", () => {
    const said = (error: unknown, method = "GET") => {
      const { status, message } = consulErrorOf(error, method);
      return [status, message];
    };
    expect(said(new Problem("no-quorum", "nobody"))).toEqual([500, "No cluster leader"]);
    const doubt = new Problem("no-quorum", "nobody", { outcome: "unknown" });
    expect(said(doubt, "PUT")[1]).toBe("No cluster leader: the request may have been carried out, or not");
    expect(said(new Problem("unauthorized", "no"))[0]).toBe(403);
    expect(said(new Problem("too-many-keys", "too many"))).toEqual([413, "too many"]);
    expect(said(new ConsulError(418, "tea"))).toEqual([418, "tea"]);
  });
});

describe("a token", () => {
  it("comes as a header or a parameter", () => {
    const at = (query: string, headers: Record<string, string> = {}) =>
      consulToken(new Request(`http://synod.test/v1/kv/a${query}`, { headers }));
    expect([at(""), at("?token=t"), at("?token=t", { "x-consul-token": "h" })]).toEqual([null, "t", "h"]);
  });
});

describe("a session", () => {
  it("lives twice its TTL, its lock-delays a bounded time longer", () => {
    const session = { ttl: "10s", lockDelay: String(15n * second) };
    expect([lifeMs(session), delayMs(session), delayLifeMs(session)]).toEqual([20_000, 15_000, 38_000]);
    expect(delayMs({ lockDelay: String(90n * second) })).toBe(60_000);
    expect(delayMs({ lockDelay: "0" })).toBe(0);
    const forever = { ttl: "", lockDelay: String(15n * second) };
    expect(lifeMs(forever)).toBe(delayLifeMs(forever));
  });

  it("has a UUID", () => {
    expect(isUuid("b1d1fb14-4a9b-4c5d-9d5e-0123456789ab")).toBe(true);
    for (const text of ["", "x", "b1d1fb14-4a9b-4c5d-9d5e-0123456789a", "b1d1fb144a9b4c5d9d5e0123456789ab"]) {
      expect(isUuid(text)).toBe(false);
    }
  });
});
