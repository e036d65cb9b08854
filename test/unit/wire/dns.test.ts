/** DNS messages: written and read as another implementation does, and never thrown off by what comes. */
import fc from "fast-check";
import packet from "dns-packet";
import { describe, expect, it } from "vitest";
import { byteString, utf8 } from "../../../src/support/bytes.ts";
import {
  dnsCodes,
  dnsTypes,
  emptyReply,
  judgeQuery,
  placesIn,
  plainUdpBytes,
  uint16,
} from "../../../src/wire/dns-message.ts";
import type { DnsData, DnsHeader, DnsQuery, DnsRecord, DnsReply } from "../../../src/wire/dns-message.ts";
import { nameOf, nameText, readName } from "../../../src/wire/dns-labels.ts";
import type { DnsName } from "../../../src/wire/dns-labels.ts";
import { cut, lifetimeOf, refreshed } from "../../../src/wire/dns-passing-on.ts";
import { encodeQuery, encodeReply } from "../../../src/wire/dns-writer.ts";

const header: DnsHeader = { id: 0x1234, opcode: 0, recursionDesired: true, checkingDisabled: false };
const edns = { udpBytes: 1232, version: 0, dnssecOk: false };
const query = (name: DnsName, type: number = dnsTypes.A, change: Partial<DnsQuery> = {}): DnsQuery => ({
  header,
  question: { name, type, class: 1 },
  edns: null,
  ...change,
});
const web = ["Web", "service", "synod"];
const reply = (answers: readonly DnsRecord[], change: Partial<DnsReply> = {}): DnsReply => ({
  ...emptyReply(dnsCodes.NOERROR),
  authoritative: true,
  answers,
  ...change,
});
const address = (...bytes: readonly number[]): DnsData => ({ type: "A", address: Uint8Array.from(bytes) });

const labels = fc.stringMatching(/^[a-z0-9_-]{1,12}$/);
const names = fc.array(labels, { minLength: 1, maxLength: 5 });
const uint16s = fc.integer({ min: 0, max: 65_535 });
const uint32s = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const data: fc.Arbitrary<DnsData> = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((address): DnsData => ({ type: "A", address })),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((address): DnsData => ({ type: "AAAA", address })),
  fc.tuple(fc.constantFrom("CNAME" as const, "NS" as const), names).map(([type, name]): DnsData => ({ type, name })),
  fc
    .record({ priority: uint16s, weight: uint16s, port: uint16s, target: names })
    .map((rest): DnsData => ({ type: "SRV", ...rest })),
  fc
    .array(fc.uint8Array({ maxLength: 255 }), { minLength: 1, maxLength: 4 })
    .map((strings): DnsData => ({ type: "TXT", strings: strings.map(byteString) })),
  fc
    .record({
      primary: names,
      mailbox: names,
      serial: uint32s,
      refresh: uint32s,
      retry: uint32s,
      expire: uint32s,
      minimum: uint32s,
    })
    .map((rest): DnsData => ({ type: "SOA", ...rest })),
);
const records = fc.array(fc.record({ name: names, ttl: fc.integer({ min: 0, max: 2 ** 31 - 1 }), data }), {
  maxLength: 8,
});

/** What the other implementation makes of our record. */
function oracleData(one: DnsData): unknown {
  switch (one.type) {
    case "A":
      return one.address.join(".");
    case "AAAA":
      return Buffer.from(one.address).toString("hex");
    case "CNAME":
    case "NS":
      return one.name.join(".");
    case "SRV":
      return { priority: one.priority, weight: one.weight, port: one.port, target: one.target.join(".") };
    case "TXT":
      return one.strings.map((text) => Buffer.from(text, "latin1"));
    case "SOA":
      return {
        mname: one.primary.join("."),
        rname: one.mailbox.join("."),
        serial: one.serial,
        refresh: one.refresh,
        retry: one.retry,
        expire: one.expire,
        minimum: one.minimum,
      };
  }
}

const hexOf = (text: string): string => {
  const [head = "", tail] = text.split("::");
  const groups = (part: string): readonly string[] => (part === "" ? [] : part.split(":"));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const all =
    tail === undefined
      ? before
      : [...before, ...Array.from({ length: 8 - before.length - after.length }, () => "0"), ...after];
  return all.map((group) => group.padStart(4, "0")).join("");
};

const shownByOracle = (found: readonly packet.Answer[] | undefined) =>
  (found ?? [])
    .filter(({ type }) => type !== "OPT")
    .map((one) => ({
      name: one.name,
      type: one.type,
      ttl: "ttl" in one ? one.ttl : undefined,
      data: one.type === "AAAA" ? hexOf(one.data) : "data" in one ? one.data : undefined,
    }));

const expected = (found: readonly DnsRecord[]) =>
  found.map(({ name, ttl, data: of }) => ({ name: name.join("."), type: of.type, ttl, data: oracleData(of) }));

describe("the writer", () => {
  it("is understood by dns-packet, whatever it writes", () => {
    fc.assert(
      fc.property(records, records, records, fc.boolean(), (answers, authorities, additionals, withEdns) => {
        const asked = query(web, dnsTypes.ANY, withEdns ? { edns } : {});
        const bytes = encodeReply(asked, reply(answers, { authorities, additionals }));
        const decoded = packet.decode(Buffer.from(bytes));
        expect(decoded).toMatchObject({ id: 0x1234, type: "response", flag_aa: true, flag_rd: true, flag_tc: false });
        expect(decoded.questions).toEqual([{ name: "Web.service.synod", type: "ANY", class: "IN" }]);
        expect(shownByOracle(decoded.answers)).toEqual(expected(answers));
        expect(shownByOracle(decoded.authorities)).toEqual(expected(authorities));
        expect(shownByOracle(decoded.additionals)).toEqual(expected(additionals));
        expect(decoded.additionals?.some(({ type }) => type === "OPT")).toBe(withEdns);
        // Names are pointers where they can be: never longer than what knows no pointers.
        expect(bytes.length).toBeLessThanOrEqual(packet.encode(decoded).length);
        expect(placesIn(bytes)?.answers).toHaveLength(answers.length);
      }),
    );
  });

  it("leaves out what does not fit, whole records, and says so", () => {
    fc.assert(
      fc.property(records, records, fc.integer({ min: 60, max: 600 }), (answers, additionals, atMost) => {
        const bytes = encodeReply(query(web, dnsTypes.ANY, { edns }), reply(answers, { additionals }), atMost);
        expect(bytes.length).toBeLessThanOrEqual(atMost);
        const decoded = packet.decode(Buffer.from(bytes));
        const [kept, beside] = [shownByOracle(decoded.answers), shownByOracle(decoded.additionals)];
        expect(kept).toEqual(expected(answers).slice(0, kept.length));
        expect(beside).toEqual(expected(additionals).slice(0, beside.length));
        expect(decoded.flag_tc).toBe(kept.length < answers.length);
        if (kept.length < answers.length) expect(beside).toEqual([]);
      }),
    );
  });

  it("loses nothing where its buffer grows, whatever stands there", () => {
    for (let size = 900; size < 1_100; size += 1) {
      const strings = Array.from({ length: 5 }, (_, i) => byteString(utf8("x".repeat(Math.floor((size + i) / 5)))));
      const answers: readonly DnsRecord[] = [
        { name: web, ttl: 1, data: { type: "TXT", strings } },
        { name: web, ttl: 2, data: address(10, 0, 0, 1) },
      ];
      const bytes = encodeReply(query(web, dnsTypes.ANY), reply(answers));
      expect(shownByOracle(packet.decode(Buffer.from(bytes)).answers)).toEqual(expected(answers));
    }
  });

  it("points no further than a pointer reaches", () => {
    const many = Array.from({ length: 700 }, (_, i): DnsRecord => ({
      name: [`label-${i}`, "elsewhere"],
      ttl: 1,
      data: { type: "TXT", strings: [byteString(utf8("x".repeat(40)))] },
    }));
    const bytes = encodeReply(query(web, dnsTypes.ANY), reply(many));
    expect(bytes.length).toBeGreaterThan(0x3fff);
    expect(shownByOracle(packet.decode(Buffer.from(bytes)).answers)).toEqual(expected(many));
  });

  it("writes a code of more than four bits, and remarks, into OPT", () => {
    const refused = { ...emptyReply(dnsCodes.BADVERS), remark: "stale" } as const;
    const bytes = encodeReply(query(web, 1, { edns: { ...edns, dnssecOk: true } }), refused);
    const [opt] = packet.decode(Buffer.from(bytes)).additionals ?? [];
    expect(opt).toMatchObject({ type: "OPT", udpPayloadSize: 1232, extendedRcode: 1, ednsVersion: 0, flag_do: true });
    expect(uint16(bytes, 2) & 15).toBe(0);
    expect(Buffer.from(bytes).subarray(-6).toString("hex")).toBe("000f00020003");
  });
});

describe("judgeQuery", () => {
  it("reads what dns-packet writes", () => {
    const arbitrary = fc.record({
      id: uint16s,
      name: names,
      type: fc.constantFrom("A" as const, "SRV" as const, "ANY" as const),
      rd: fc.boolean(),
      cd: fc.boolean(),
      opt: fc.boolean(),
      dnssecOk: fc.boolean(),
      // dns-packet takes 0 for its own 4096.
      udp: fc.integer({ min: 1, max: 65_535 }),
    });
    fc.assert(
      fc.property(arbitrary, ({ id, name, type, rd, cd, opt, dnssecOk, udp }) => {
        const additionals: packet.Answer[] = opt
          ? [
              {
                type: "OPT",
                name: ".",
                udpPayloadSize: udp,
                flags: dnssecOk ? packet.DNSSEC_OK : 0,
                options: [{ code: "PADDING", length: 31 }],
              } as never,
            ]
          : [];
        const flags = (rd ? packet.RECURSION_DESIRED : 0) | (cd ? packet.CHECKING_DISABLED : 0);
        const bytes = packet.encode({
          type: "query",
          id,
          flags,
          questions: [{ type: type as packet.RecordType, name: name.join(".") }],
          additionals,
        });
        expect(judgeQuery(bytes)).toEqual({
          type: "query",
          query: {
            header: { id, opcode: 0, recursionDesired: rd, checkingDisabled: cd },
            question: { name, type: dnsTypes[type], class: 1 },
            edns: opt ? { udpBytes: udp, version: 0, dnssecOk } : null,
          },
        });
      }),
    );
  });

  it("reads what it wrote, any bytes in a label", () => {
    const bytesLabels = fc.array(fc.uint8Array({ minLength: 1, maxLength: 63 }).map(byteString), { maxLength: 3 });
    fc.assert(
      fc.property(bytesLabels, fc.boolean(), (name, withEdns) => {
        const asked = query(name, 33, withEdns ? { edns } : {});
        expect(judgeQuery(encodeQuery(asked))).toEqual({ type: "query", query: asked });
      }),
    );
  });

  const good = encodeQuery(query(web, 1, { edns }));
  const changed = (change: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = Uint8Array.from(good);
    change(bytes);
    return bytes;
  };
  const question = good.length - 11;
  it.each([
    ["nothing", new Uint8Array(0), "none"],
    ["half a header", good.slice(0, 11), "none"],
    ["an answer", changed((bytes) => (bytes[2] = 0x80)), "none"],
    ["a notification", changed((bytes) => (bytes[2] = 4 << 3)), dnsCodes.NOTIMP],
    ["no question", changed((bytes) => (bytes[5] = 0)), dnsCodes.FORMERR],
    ["two questions", changed((bytes) => (bytes[5] = 2)), dnsCodes.FORMERR],
    ["a header alone", good.slice(0, 12), dnsCodes.FORMERR],
    ["half a question", good.slice(0, question - 1), dnsCodes.FORMERR],
    ["a missing OPT", good.slice(0, question), dnsCodes.FORMERR],
    ["half an OPT", good.slice(0, -1), dnsCodes.FORMERR],
    ["something behind it", Uint8Array.from([...good, 0]), dnsCodes.FORMERR],
    ["two OPTs", Uint8Array.from([...changed((bytes) => (bytes[11] = 2)), ...good.slice(question)]), dnsCodes.FORMERR],
    [
      "OPT under a name",
      Uint8Array.from([...good.slice(0, question), 1, 0x61, ...good.slice(question)]),
      dnsCodes.FORMERR,
    ],
    ["OPT among the answers", changed((bytes) => ((bytes[7] = 1), (bytes[11] = 0))), dnsCodes.FORMERR],
    ["a question for OPT", changed((bytes) => (bytes[question - 3] = 41)), dnsCodes.FORMERR],
    ["a name that points at itself", changed((bytes) => ((bytes[12] = 0xc0), (bytes[13] = 12))), dnsCodes.FORMERR],
    ["a name that points ahead", changed((bytes) => ((bytes[12] = 0xc0), (bytes[13] = 40))), dnsCodes.FORMERR],
    ["a label of a kind there is not", changed((bytes) => (bytes[12] = 0x41)), dnsCodes.FORMERR],
    ["EDNS of version 1", changed((bytes) => (bytes[question + 6] = 1)), dnsCodes.BADVERS],
  ])("does not take %s", (_, bytes, verdict) => {
    const judged = judgeQuery(bytes);
    expect(judged.type === "refused" ? judged.refusal.code : judged.type).toBe(verdict);
    // What it was refused with can be said.
    if (judged.type === "refused") {
      const said = encodeReply(judged.refusal, emptyReply(judged.refusal.code));
      expect(packet.decode(Buffer.from(said))).toMatchObject({ id: 0x1234, type: "response" });
    }
  });

  it("takes names of 255 bytes, and no longer ones", () => {
    const long = ["a", "b", "c"].map((letter) => letter.repeat(63));
    expect(judgeQuery(encodeQuery(query([...long, "d".repeat(61)]))).type).toBe("query");
    const bytes = Uint8Array.from([
      ...good.slice(0, 12),
      ...long.flatMap((label) => [63, ...utf8(label)]),
      62,
      ...utf8("d".repeat(62)),
      0,
      0,
      1,
      0,
      1,
    ]);
    bytes[11] = 0;
    expect(judgeQuery(bytes)).toMatchObject({ type: "refused", refusal: { code: dnsCodes.FORMERR } });
  });

  it("has a verdict on any bytes", () => {
    const mutated = fc
      .tuple(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255))), fc.nat(good.length))
      .map(([changes, length]) => {
        const bytes = Uint8Array.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes.slice(0, length);
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), mutated), (bytes) => {
        const judged = judgeQuery(bytes);
        if (judged.type === "none") return;
        const asked = judged.type === "query" ? judged.query : judged.refusal;
        expect(encodeReply(asked, emptyReply(dnsCodes.SERVFAIL)).length).toBeLessThanOrEqual(plainUdpBytes);
        placesIn(bytes);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("names", () => {
  it("end, however their pointers lead", () => {
    // 0: a.<4>; 4: b.<0>
    expect(readName(Uint8Array.of(1, 0x61, 0xc0, 4, 1, 0x62, 0xc0, 0), 4)).toBeNull();
    expect(readName(Uint8Array.of(1, 0x61, 0, 0, 1, 0x62, 0xc0, 0), 4)).toEqual({ name: ["b", "a"], end: 8 });
  });

  it.each([
    ["web.service.synod", "web.service.synod."],
    ["web.service.synod.", "web.service.synod."],
    [".", "."],
    ["_web._tcp.service.synod", "_web._tcp.service.synod."],
  ])("%s is a name", (text, shown) => {
    expect(nameText(nameOf(text) ?? ["?"])).toBe(shown);
  });

  it.each(["", "..", "a..b", ".a", "a b", "ä", "a\\b", "x".repeat(64), `${"x.".repeat(127)}xx`])(
    "%s is none",
    (text) => {
      expect(nameOf(text)).toBeNull();
    },
  );

  it("are shown so that nothing can be misread", () => {
    expect(nameText(["a.b", 'q"', "\u0000\u00ff"])).toBe('a\\.b.q\\".\\000\\255.');
  });
});

describe("passing on", () => {
  const answers = Array.from({ length: 40 }, (_, i): DnsRecord => ({
    name: web,
    ttl: 30 + i,
    data: address(10, 0, 0, i),
  }));
  const additionals: readonly DnsRecord[] = [{ name: ["x"], ttl: 40, data: address(1, 2, 3, 4) }];
  const bytes = encodeReply(query(web, 1, { edns }), reply(answers, { additionals }));
  const places = placesIn(bytes);
  if (places === null) throw new Error("unreachable");

  it("knows how long an answer holds", () => {
    expect(lifetimeOf(bytes, places)).toBe(30);
    const none = encodeReply(query(web, 1, { edns }), emptyReply(dnsCodes.REFUSED));
    expect(lifetimeOf(none, placesIn(none) ?? places)).toBe(0);
  });

  it("gives an answer another id, other letters and another age", () => {
    const other = { ...header, id: 7, recursionDesired: false };
    const decoded = packet.decode(Buffer.from(refreshed(bytes, places, other, ["wEB", "SERVICE", "synod"], 31)));
    expect(decoded).toMatchObject({ id: 7, flag_rd: false, flag_aa: true });
    expect(decoded.questions?.[0]?.name).toBe("wEB.SERVICE.synod");
    expect(decoded.answers?.slice(0, 3)).toMatchObject([
      { name: "wEB.SERVICE.synod", ttl: 0, data: "10.0.0.0" },
      { ttl: 0 },
      { ttl: 1 },
    ]);
    expect(decoded.additionals).toMatchObject([
      { name: "x", ttl: 9 },
      { type: "OPT", udpPayloadSize: 1232 },
    ]);
  });

  it("cuts to what fits: the additional section first, in silence", () => {
    expect(cut(bytes, places, bytes.length)).toBe(bytes);
    const less = packet.decode(Buffer.from(cut(bytes, places, bytes.length - 1)));
    expect(less.flag_tc).toBe(false);
    expect([less.answers?.length, less.additionals]).toMatchObject([40, [{ type: "OPT" }]]);
    const least = cut(bytes, places, 512);
    expect(least.length).toBeLessThanOrEqual(512);
    expect(least.length).toBeGreaterThan(480);
    const decoded = packet.decode(Buffer.from(least));
    expect(decoded.flag_tc).toBe(true);
    expect(decoded.answers).toHaveLength(29);
    expect(decoded.additionals).toMatchObject([{ type: "OPT" }]);
  });

  it("cuts whatever the writer wrote", () => {
    fc.assert(
      fc.property(
        records,
        records,
        records,
        fc.integer({ min: 60, max: 600 }),
        fc.boolean(),
        (some, authorities, others, atMost, withEdns) => {
          const whole = encodeReply(
            query(web, 255, withEdns ? { edns } : {}),
            reply(some, { authorities, additionals: others }),
          );
          const found = placesIn(whole);
          if (found === null) throw new Error("not well formed");
          const less = cut(whole, found, atMost);
          expect(less.length).toBeLessThanOrEqual(Math.max(atMost, 60));
          const decoded = packet.decode(Buffer.from(less));
          const [kept, said] = [shownByOracle(decoded.answers), shownByOracle(decoded.authorities)];
          expect(kept).toEqual(expected(some).slice(0, kept.length));
          expect(decoded.flag_tc).toBe(kept.length < some.length || said.length < authorities.length);
          expect(decoded.additionals?.some(({ type }) => type === "OPT") ?? false).toBe(withEdns);
        },
      ),
    );
  });
});
