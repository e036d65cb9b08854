/** What the DNS door says of what was found, and how it says it in JSON. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { limits } from "../../../src/support/limits.ts";
import { regionName, revision } from "../../../src/support/brand.ts";
import type { InstanceName, InstanceView, NodeName, ServiceName } from "../../../src/registry/model.ts";
import { dnsTypes } from "../../../src/wire/dns-message.ts";
import type { DnsQuestion, DnsReply } from "../../../src/wire/dns-message.ts";
import { addressBytes, addressText } from "../../../workers/dns/addresses.ts";
import { jsonReply, questionInQuery } from "../../../workers/dns/json.ts";
import { addressReply, apexReply, nodeReply, nothingHere, serviceReply } from "../../../workers/dns/records.ts";
import { Problem } from "../../../workers/gateway/problems.ts";

const serial = 1_800_000_000;
const ask = (type: keyof typeof dnsTypes, name = "web.service.synod"): DnsQuestion => ({
  name: name.split("."),
  type: dnsTypes[type],
  class: 1,
});

const instance = (name: string, change: Partial<InstanceView> = {}): InstanceView => ({
  service: "web" as ServiceName,
  node: "synod" as NodeName,
  instance: name as InstanceName,
  address: "10.0.0.1",
  port: 8080,
  protocol: "tcp",
  tags: [],
  meta: {},
  weights: { passing: 5, warning: 1 },
  region: regionName("weur"),
  ttlMs: null,
  checks: [],
  taggedAddresses: {},
  enableTagOverride: false,
  status: "passing",
  suspect: false,
  states: [],
  nodeStates: [],
  nodeAddress: "",
  createRevision: revision(2),
  modRevision: revision(2),
  ...change,
});

/** As a zone file has it: what people compare. */
function said(question: DnsQuestion, reply: DnsReply) {
  const { Status, Answer, Authority, Additional } = jsonReply({ question, checkingDisabled: false }, reply, null) as {
    readonly Status: number;
    readonly Answer?: readonly Record<string, unknown>[];
    readonly Authority?: readonly Record<string, unknown>[];
    readonly Additional?: readonly Record<string, unknown>[];
  };
  const lines = (records: typeof Answer) =>
    (records ?? []).map(({ name, type, TTL, data }) => {
      expect(TTL).toBe(limits.lookupMaxAgeSeconds);
      return `${String(name)} ${String(type)} ${String(data)}`;
    });
  return { status: Status, answers: lines(Answer), authorities: lines(Authority), additionals: lines(Additional) };
}

const regions = ["weur", "enam"];
const found = (type: keyof typeof dnsTypes, instances: readonly InstanceView[]) => {
  const question = ask(type);
  return said(question, serviceReply(question, serial, instances, regions));
};
const soa = `synod. 6 ns.synod. hostmaster.synod. ${serial} 3600 600 86400 ${limits.lookupMaxAgeSeconds}`;

describe("a service", () => {
  it("has its instances' addresses, each once, in the order they came in", () => {
    const three = [
      instance("b", { address: "10.0.0.2" }),
      instance("a"),
      instance("c", { port: 81 }),
      instance("six", { address: "2001:DB8::1" }),
    ];
    expect(found("A", three)).toEqual({
      status: 0,
      answers: ["web.service.synod. 1 10.0.0.2", "web.service.synod. 1 10.0.0.1"],
      authorities: [],
      additionals: [],
    });
    expect(found("AAAA", three).answers).toEqual(["web.service.synod. 28 2001:db8::1"]);
  });

  it("has SRV with a target for each address, the nearer the lower, as heavy as it is healthy", () => {
    const some = [
      instance("a"),
      instance("b", { region: regionName("enam"), status: "warning", address: "::1" }),
      instance("c", { region: regionName("oc"), address: "web.example.com" }),
      instance("d", { port: 81 }),
    ];
    const six = "00000000000000000000000000000001";
    expect(found("SRV", some)).toEqual({
      status: 0,
      answers: [
        "web.service.synod. 33 1 5 8080 0a000001.addr.synod.",
        `web.service.synod. 33 2 1 8080 ${six}.addr.synod.`,
        "web.service.synod. 33 3 5 8080 web.example.com.",
        "web.service.synod. 33 1 5 81 0a000001.addr.synod.",
      ],
      authorities: [],
      additionals: ["0a000001.addr.synod. 1 10.0.0.1", `${six}.addr.synod. 28 ::1`],
    });
  });

  it("has TXT with what an instance says of itself, one record each", () => {
    const meta = { zone: "a", 'quo"te': "x", long: "x".repeat(250) };
    expect(found("TXT", [instance("a", { tags: ["v1", "grün"], meta })]).answers).toEqual([
      'web.service.synod. 16 "instance=a" "region=weur" "tag=v1" "tag=grün" "meta.zone=a" "meta.quo\\"te=x"',
    ]);
  });

  it("has all of it where all is asked for", () => {
    const { answers, additionals } = found("ANY", [instance("a")]);
    expect(answers.map((line) => line.split(" ")[1])).toEqual(["1", "33", "16"]);
    expect(additionals).toEqual(["0a000001.addr.synod. 1 10.0.0.1"]);
  });

  it("has one CNAME where there are only host names, and then only if nothing else is asked for", () => {
    const hosts = [instance("a", { address: "a.example.com" }), instance("b", { address: "b.example.com." })];
    expect(found("A", hosts).answers).toEqual(["web.service.synod. 5 a.example.com."]);
    expect(found("AAAA", hosts).answers).toEqual(["web.service.synod. 5 a.example.com."]);
    expect(found("CNAME", hosts).answers).toEqual(["web.service.synod. 5 a.example.com."]);
    expect(found("ANY", hosts).answers.map((line) => line.split(" ")[1])).toEqual(["33", "33", "16", "16"]);
    expect(found("A", [...hosts, instance("c")]).answers).toEqual(["web.service.synod. 1 10.0.0.1"]);
  });

  it("is where its node is, if it has no address of its own; or nowhere", () => {
    const there = instance("a", { address: "", nodeAddress: "10.9.9.9" });
    expect(found("A", [there]).answers).toEqual(["web.service.synod. 1 10.9.9.9"]);
    expect(found("SRV", [there]).additionals).toEqual(["0a090909.addr.synod. 1 10.9.9.9"]);
    const nowhere = found("SRV", [instance("a", { address: "" })]);
    expect(nowhere).toMatchObject({ status: 0, answers: [], authorities: [soa] });
  });

  it("is there without a type it does not have, and not there without instances", () => {
    expect(found("MX", [instance("a")])).toEqual({ status: 0, answers: [], authorities: [soa], additionals: [] });
    expect(found("AAAA", [instance("a")])).toMatchObject({ status: 0, authorities: [soa] });
    expect(found("A", [])).toEqual({ status: 3, answers: [], authorities: [soa], additionals: [] });
  });

  it("is answered in the question's letters and zone", () => {
    const question = ask("SRV", "wEb.Service.CONSUL");
    const { answers, additionals } = said(question, serviceReply(question, serial, [instance("a")], regions));
    expect(answers).toEqual(["wEb.Service.CONSUL. 33 1 5 8080 0a000001.addr.CONSUL."]);
    expect(additionals).toEqual(["0a000001.addr.CONSUL. 1 10.0.0.1"]);
  });
});

describe("other names", () => {
  it("a node has its address, and its meta as Consul says it", () => {
    const node = { address: "10.0.0.7", meta: { role: "db", "rfc1035-spf": "v=spf1 -all", long: "x".repeat(255) } };
    const reply = (type: keyof typeof dnsTypes) =>
      said(ask(type, "n.node.synod"), nodeReply(ask(type, "n.node.synod"), serial, node));
    expect(reply("A").answers).toEqual(["n.node.synod. 1 10.0.0.7"]);
    expect(reply("TXT").answers).toEqual(['n.node.synod. 16 "role=db"', 'n.node.synod. 16 "v=spf1 -all"']);
    expect(reply("ANY").answers).toHaveLength(3);
    expect(reply("SRV")).toMatchObject({ status: 0, answers: [], authorities: [soa] });
  });

  it("an address is what its name says", () => {
    const question = ask("A", "7f00000b.addr.synod");
    const address = Uint8Array.of(127, 0, 0, 11);
    expect(said(question, addressReply(question, serial, address)).answers).toEqual([
      "7f00000b.addr.synod. 1 127.0.0.11",
    ]);
    const other = ask("AAAA", "7f00000b.addr.synod");
    expect(said(other, addressReply(other, serial, address))).toMatchObject({
      status: 0,
      answers: [],
      authorities: [soa],
    });
  });

  it("a zone has SOA and NS, and nothing else", () => {
    const zone = (type: keyof typeof dnsTypes) => said(ask(type, "synod"), apexReply(ask(type, "synod"), serial));
    expect(zone("SOA")).toMatchObject({ status: 0, answers: [soa], authorities: [] });
    expect(zone("NS").answers).toEqual(["synod. 2 ns.synod."]);
    expect(zone("ANY").answers).toHaveLength(2);
    expect(zone("A")).toMatchObject({ status: 0, answers: [], authorities: [soa] });
    expect(said(ask("A", "service.synod"), nothingHere(ask("A", "service.synod"), serial))).toMatchObject({
      status: 0,
      authorities: [soa],
    });
  });
});

describe("addresses", () => {
  it.each([
    ["0.0.0.0", "00000000"],
    ["255.1.2.3", "ff010203"],
    ["::", "0".repeat(32)],
    ["1::", `0001${"0".repeat(28)}`],
    ["2001:db8::a:b", "20010db80000000000000000000a000b"],
    ["::ffff:10.0.0.1", "00000000000000000000ffff0a000001"],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
    ["1:2:3:4:5:6:1.2.3.4", "00010002000300040005000601020304"],
  ])("%s is %s", (text, hex) => {
    expect(Buffer.from(addressBytes(text) ?? []).toString("hex")).toBe(hex);
  });

  it.each(["", "a.example.com", "1.2.3", "1.2.3.4.5", ":::", "1:2", "10.0.0.256"])("%s is none", (text) => {
    expect(addressBytes(text)).toBeNull();
  });

  it("are read as they are written", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const bytes = addressBytes(text);
        expect(bytes).not.toBeNull();
        expect(addressBytes(addressText(bytes ?? new Uint8Array(4)))).toEqual(bytes);
      }),
    );
  });
});

describe("a question in a query", () => {
  const read = (query: string) => questionInQuery(`http://x/dns-query?${query}`);

  it.each([
    ["name=web.service.synod", 1],
    ["name=web.service.synod.&type=SRV", 33],
    ["name=web.service.synod&type=srv&do=1&cd=0&ct=application/dns-json", 33],
    ["name=web.service.synod&type=65280&random_padding=xx&edns_client_subnet=0.0.0.0/0", 65_280],
  ])("%s is read", (query, type) => {
    expect(read(query).question).toEqual({ name: ["web", "service", "synod"], type, class: 1 });
  });

  it.each([
    "",
    "name=",
    "name=a..b",
    "name=%c3%a4.synod",
    "type=A",
    "name=a&type=",
    "name=a&type=0",
    "name=a&type=65536",
    "name=a&type=OPT",
    "name=a&type=bogus",
    "name=a&type=__proto__",
    "name=a&cd=2",
    "name=a&ct=text/html",
    "name=a&name=b",
    "name=a&x=1",
    `name=${"a".repeat(64)}`,
    `name=${"a.".repeat(127)}aa`,
  ])("%s is refused", (query) => {
    expect(() => read(query)).toThrow(Problem);
  });
});
