/**
 * `dig` against the bridge, over UDP and TCP: what it prints is the verdict. Truncation is shown by the whole of it: asked with
 * little room, told that there is more, asked again over TCP.
 */
import { run } from "./programs.ts";
import { deregister, maintain, register } from "./stage.ts";
import type { Setting } from "./stage.ts";
import { textsOf } from "./tally.ts";
import type { Tally } from "./tally.ts";

export interface Dug {
  readonly code: number | null;
  readonly status: string;
  readonly flags: readonly string[];
  /** Records as dig prints them: name, ttl, class, type, data. */
  readonly answer: readonly (readonly string[])[];
  readonly authority: readonly (readonly string[])[];
  readonly additional: readonly (readonly string[])[];
  readonly transport: string;
  readonly bytes: number;
  readonly text: string;
}

/** What dig and kdig print differs in little. */
export function parsed(code: number | null, text: string): Dug {
  const section = (name: string): readonly (readonly string[])[] => {
    const found = new RegExp(`^;; ${name}(?: SECTION)?:\\n((?:[^\\n;].*\\n)*)`, "m").exec(text)?.[1] ?? "";
    const lines = found.split("\n").filter((line) => line !== "");
    return lines.map((line) => /^(\S+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(.*)$/.exec(line)?.slice(1) ?? [line]);
  };
  return {
    code,
    status: /opcode: \w+[,;] status: (\w+)/.exec(text)?.[1] ?? "none",
    flags: (/[Ff]lags: ([a-z ]*);/.exec(text)?.[1] ?? "").split(" ").filter((flag) => flag !== ""),
    answer: section("ANSWER"),
    authority: section("AUTHORITY"),
    additional: section("ADDITIONAL"),
    transport: /SERVER: .*\((\w+)\)/.exec(text)?.[1] ?? "none",
    bytes: Number(/MSG SIZE {2}rcvd: (\d+)/.exec(text)?.[1] ?? "0"),
    text,
  };
}

const dataOf = (records: readonly (readonly string[])[]): readonly string[] => textsOf(records.map((one) => one[4]));
const typesOf = (records: readonly (readonly string[])[]): readonly string[] =>
  textsOf([...new Set(records.map((one) => one[3]))]);

export async function dig(tally: Tally, { stage, long }: Setting): Promise<void> {
  const ask = async (...args: readonly string[]): Promise<Dug> =>
    tally.does(async () => {
      const ran = await run("dig", ["@127.0.0.1", "-p", String(stage.dnsPort), "+tries=1", "+time=5", ...args]);
      return parsed(ran.code, ran.stdout);
    });
  await few(tally, stage.url, ask);
  await otherwise(tally, ask);
  await many(tally, stage.url, ask, long ? 300 : 60);
  if (long) await atOnce(tally, ask);
}

type Ask = (...args: readonly string[]) => Promise<Dug>;

async function few(t: Tally, url: string, ask: Ask): Promise<void> {
  const one = {
    address: "10.5.0.1",
    port: 8080,
    tags: ["v1"],
    meta: { zone: "a" },
    weights: { passing: 3, warning: 1 },
  };
  await register(url, "dig-web", "dig-1", one);
  await register(url, "dig-web", "dig-2", { address: "10.5.0.2", port: 8081, tags: ["v2"] });
  await register(url, "dig-web", "dig-6", { address: "2001:db8::6", port: 8082 });
  await register(url, "dig-web", "dig-ill", { address: "10.5.0.9", port: 8083 });
  await maintain(url, "dig-ill", true);
  const name = "dig-web.service.synod";
  // The nearest replica answers, which hears of writes a moment later, and the bridge keeps an answer for 5 seconds.
  await t.comes("A", async () => dataOf((await ask(name, "A")).answer), ["10.5.0.1", "10.5.0.2"], 500);
  const a = await ask(name, "A");
  t.like("A's code and transport", a, { status: "NOERROR", transport: "UDP", authority: [] });
  t.like("A's flags", a.flags, ["qr", "aa", "rd"]);
  t.like(
    "A's time to live",
    a.answer.every((record) => Number(record[1]) <= 5 && record[0] === `${name}.`),
    true,
  );
  t.like("dig warns that there is no recursion", /recursion requested but not available/.test(a.text), true);
  t.like("AAAA", dataOf((await ask(name, "AAAA")).answer), ["2001:db8::6"]);
  const srv = await ask(name, "SRV");
  t.like("SRV", dataOf(srv.answer), [
    "1 1 8081 0a050002.addr.synod.",
    "1 1 8082 20010db8000000000000000000000006.addr.synod.",
    "1 3 8080 0a050001.addr.synod.",
  ]);
  t.like("SRV's additional section", dataOf(srv.additional), ["10.5.0.1", "10.5.0.2", "2001:db8::6"]);
  t.like("SRV over TCP", await ask(name, "SRV", "+tcp"), {
    transport: "TCP",
    answer: (v: unknown[]) => v.length === 3,
  });
  const txt = dataOf((await ask(name, "TXT")).answer);
  t.like(
    "TXT",
    txt.length === 3 && txt.some((text) => text.includes('"instance=dig-1"') && text.includes('"meta.zone=a"')),
    true,
  );
  const any = await ask(name, "ANY");
  t.like("ANY", [any.transport, typesOf(any.answer)], ["TCP", ["A", "AAAA", "SRV", "TXT"]]);
  t.like("by tag", dataOf((await ask("v1.dig-web.service.synod", "A")).answer), ["10.5.0.1"]);
  t.like("RFC 2782", dataOf((await ask("_dig-web._tcp.service.synod", "SRV")).answer), dataOf(srv.answer));
  t.like("RFC 2782 by tag", dataOf((await ask("_dig-web._v2.service.synod", "SRV")).answer), [
    "1 1 8081 0a050002.addr.synod.",
  ]);
  t.like("the other zone", dataOf((await ask("dig-web.service.consul", "A")).answer), ["10.5.0.1", "10.5.0.2"]);
  t.like("SRV of the other zone", dataOf((await ask("v2.dig-web.service.consul", "SRV")).answer), [
    /^1 1 8081 0a050002\.addr\..*consul\.$/,
  ]);
  t.like("a target", dataOf((await ask("0a050001.addr.synod", "A")).answer), ["10.5.0.1"]);
  const cased = await ask("DiG-wEb.SeRvIcE.sYnOd", "A");
  t.like("either case", dataOf(cased.answer), ["10.5.0.1", "10.5.0.2"]);
  t.like("the question's case", cased.text.includes(";DiG-wEb.SeRvIcE.sYnOd."), true);
  t.like("+short", (await ask("v1.dig-web.service.synod", "A", "+short")).text.trim(), "10.5.0.1");
}

async function otherwise(t: Tally, ask: Ask): Promise<void> {
  const soa = [["synod.", /^\d+$/, "IN", "SOA", /./]];
  const name = "dig-web.service.synod";
  t.like("no such service", await ask("dig-nobody.service.synod", "A"), {
    status: "NXDOMAIN",
    answer: [],
    authority: soa,
  });
  t.like("no such tag", await ask("no.dig-web.service.synod", "A"), { status: "NXDOMAIN", authority: soa });
  t.like("no such kind of name", await ask("a.b.synod", "A"), { status: "NXDOMAIN", authority: soa });
  t.like("nothing of that type", await ask("v1.dig-web.service.synod", "AAAA"), {
    status: "NOERROR",
    answer: [],
    authority: soa,
  });
  t.like("a type that services have not", await ask(name, "MX"), { status: "NOERROR", answer: [], authority: soa });
  t.like("the zone's SOA", (await ask("synod", "SOA")).answer, soa);
  t.like("the zone's NS", await ask("synod", "NS"), { status: "NOERROR", answer: [["synod.", /./, "IN", "NS", /./]] });
  t.like("another zone", await ask("example.com", "A"), { status: "REFUSED", answer: [] });
  t.like("another class", await ask("-c", "CH", name, "TXT"), { status: "REFUSED" });
  t.like("a transfer", (await ask("synod", "AXFR")).text, /Transfer failed/);
  t.like("another opcode", await ask(name, "A", "+opcode=4"), { status: "NOTIMP" });
  t.like("a later EDNS", await ask(name, "A", "+edns=1", "+noednsneg"), { status: "BADVERS", answer: [] });
  t.like("no EDNS", (await ask(name, "A", "+noedns")).text.includes("EDNS: version"), false);
  t.like("+nocookie", await ask(name, "A", "+nocookie"), { status: "NOERROR", additional: [] });
  t.like(
    "EDNS, DO and a size",
    (await ask(name, "A", "+nocookie", "+dnssec")).text,
    /EDNS: version: 0, flags: do; udp: 1232/,
  );
  t.like("options that nobody knows", await ask(name, "A", "+ednsopt=65001:cafe", "+subnet=192.0.2.0/24", "+nsid"), {
    status: "NOERROR",
  });
  t.like("+norecurse", (await ask(name, "A", "+norecurse")).flags, ["qr", "aa"]);
  t.like("+cdflag", (await ask(name, "A", "+cdflag")).flags, ["qr", "aa", "rd", "cd"]);
  t.like("no question", (await ask(name, "A", "+header-only")).status, "FORMERR");
}

/** More than a datagram holds, and more than an answer may have. */
async function many(t: Tally, url: string, ask: Ask, count: number): Promise<void> {
  const shown = Math.min(count, 128);
  const id = (i: number): string => `dig-many-${i}`;
  const all = Array.from({ length: count }, (_, i) => i);
  await inTurns(all, async (i) =>
    register(url, "dig-many", id(i), { address: `10.6.${i >> 8}.${i & 255}`, port: 1000 + i }),
  );
  const name = "dig-many.service.synod";
  await t.comes("all of them, over TCP", async () => (await ask(name, "A", "+tcp")).answer.length, shown, 500);
  const cut = await ask(name, "A", "+bufsize=512", "+ignore");
  t.like("512 bytes", cut, {
    transport: "UDP",
    status: "NOERROR",
    bytes: (v: number) => v <= 512,
    flags: ["qr", "aa", "tc", "rd"],
  });
  t.like("what was cut holds some", cut.answer.length > 0 && cut.answer.length < shown, true);
  t.like("no EDNS is 512 bytes", await ask(name, "SRV", "+noedns", "+ignore"), {
    bytes: (v: number) => v <= 512,
    flags: ["qr", "aa", "tc", "rd"],
  });
  const again = await ask(name, "A", "+bufsize=512");
  t.like("cut, then asked over TCP", again, {
    transport: "TCP",
    text: /Truncated, retrying in TCP mode/,
    flags: ["qr", "aa", "rd"],
  });
  t.like("the whole of it", again.answer.length, shown);
  const srv = await ask(name, "SRV", "+tcp");
  t.like("SRV of many", [srv.answer.length, srv.flags.includes("tc")], [shown, false]);
  t.like("each one once", new Set(srv.answer.map((one) => one[4])).size, shown);
  const roomy = await ask(name, "A", "+bufsize=4096", "+ignore");
  // On loopback nothing is fragmented, so the bridge takes the question's word for the room there is.
  t.like("4,096 bytes", roomy, { answer: (v: unknown[]) => v.length === shown, flags: ["qr", "aa", "rd"] });
  t.notes.push(`${count} instances: ${shown} answered over TCP, ${cut.answer.length} of them within 512 bytes of UDP`);
  await inTurns(all, async (i) => deregister(url, "dig-many", id(i)));
  await t.comes("NXDOMAIN once all are gone", async () => (await ask(name, "A")).status, "NXDOMAIN", 500);
}

/** Several in flight, but not all: this machine also runs the other side. */
async function inTurns(all: readonly number[], each: (i: number) => Promise<void>): Promise<void> {
  const lanes = 8;
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (const i of all) if (i % lanes === lane) await each(i);
    }),
  );
}

/** Thirty digs at a time, of several names. */
async function atOnce(t: Tally, ask: Ask): Promise<void> {
  const names = ["dig-web.service.synod", "v1.dig-web.service.synod", "dig-nobody.service.synod"];
  for (let round = 0; round < 10; round += 1) {
    const answers = await Promise.all(
      Array.from({ length: 30 }, async (_, i) => ask(names[i % 3] ?? "", i % 2 === 0 ? "A" : "SRV")),
    );
    const codes = answers.map(({ status }) => status);
    t.like(
      "thirty at once",
      codes,
      codes.map((_, i) => (i % 3 === 2 ? "NXDOMAIN" : "NOERROR")),
    );
  }
}
