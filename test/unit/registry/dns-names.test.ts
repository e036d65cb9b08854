/** What DNS names mean. */
import { describe, expect, it } from "vitest";
import { addressLabel, dnsPlaceOf } from "../../../src/registry/dns-names.ts";
import { byteString, utf8 } from "../../../src/support/bytes.ts";

const known = { regions: ["weur", "apac-ne"], datacentre: "prod" };
const meant = (name: string) => dnsPlaceOf(name === "" ? [] : name.split("."), known);
const service = (change: object) => ({
  type: "service",
  service: "web",
  tag: null,
  protocol: null,
  region: null,
  ...change,
});

describe("a name", () => {
  it.each([
    ["web.service.synod", {}],
    ["web.service.consul", {}],
    ["WEB.Service.SYNOD", {}],
    ["v1.web.service.synod", { tag: "v1" }],
    ["V1.web.service.synod", { tag: "V1" }],
    ["a.b.web.service.synod", { tag: "a.b" }],
    ["_web._tcp.service.synod", { protocol: "tcp" }],
    ["_web._UDP.service.synod", { protocol: "udp" }],
    ["_web._v1.service.synod", { tag: "v1" }],
    ["web.service.weur.synod", { region: "weur" }],
    ["web.service.APAC-NE.synod", { region: "apac-ne" }],
    ["web.service.prod.consul", {}],
    ["_web._tcp.service.weur.synod", { protocol: "tcp", region: "weur" }],
    ["v1.web.service.weur.synod", { tag: "v1", region: "weur" }],
    ["service.service.synod", { service: "service" }],
    ["my_web-1.service.synod", { service: "my_web-1" }],
  ])("%s is a service", (name, change) => {
    expect(meant(name)).toEqual(service(change));
  });

  it.each([
    ["db1.node.synod", "db1"],
    ["DB1.node.prod.consul", "DB1"],
    ["db1.rack2.node.weur.synod", "db1.rack2"],
    ["service.node.synod", "service"],
    ["node.node.synod", "node"],
  ])("%s is a node", (name, node) => {
    expect(meant(name)).toEqual({ type: "node", node });
  });

  it.each([
    ["7f00000b.addr.synod", [127, 0, 0, 11]],
    ["7F00000B.addr.prod.consul", [127, 0, 0, 11]],
    ["20010db8000000000000000000000001.addr.weur.synod", [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
  ])("%s is an address", (name, bytes) => {
    const address = Uint8Array.from(bytes);
    expect(meant(name)).toEqual({ type: "address", address });
    expect(meant(`${addressLabel(address)}.addr.synod`)).toEqual({ type: "address", address });
  });

  it.each(["synod", "Consul"])("%s is a zone", (name) => {
    expect(meant(name)).toEqual({ type: "apex" });
  });

  it.each([
    "service.synod",
    "node.synod",
    "addr.synod",
    "weur.synod",
    "prod.consul",
    "service.weur.synod",
    "_tcp.service.synod",
    "_v1.service.weur.synod",
  ])("%s is on the way to others: it is there, and has nothing", (name) => {
    expect(meant(name)).toEqual({ type: "between" });
  });

  it.each([
    "web.synod",
    "mars.synod",
    "web.service.mars.synod",
    "web.weur.synod",
    "-web.service.synod",
    "we b.service.synod",
    "x.query.consul",
    "web._tcp.service.synod",
    "a._web._tcp.service.synod",
    "_._tcp.service.synod",
    "7f00000.addr.synod",
    "7f00000x.addr.synod",
    "a.7f00000b.addr.synod",
    "-a.node.synod",
    `${"n".repeat(33)}.${"n".repeat(33)}.node.synod`,
  ])("%s is nothing", (name) => {
    expect(meant(name)).toEqual({ type: "nothing" });
  });

  it.each(["", "com", "example.com", "synod.com", "11.0.0.127.in-addr.arpa", "xsynod"])("%s is elsewhere", (name) => {
    expect(meant(name)).toEqual({ type: "elsewhere" });
  });

  it("reads tags as UTF-8, and takes a dot within a label for no divider", () => {
    const tag = byteString(utf8("grün"));
    expect(dnsPlaceOf([tag, "web", "service", "synod"], known)).toEqual(service({ tag: "grün" }));
    expect(dnsPlaceOf(["\u00ff", "web", "service", "synod"], known)).toEqual({ type: "nothing" });
    expect(dnsPlaceOf(["a.web", "service", "synod"], known)).toEqual({ type: "nothing" });
    expect(dnsPlaceOf(["web.service", "synod"], known)).toEqual({ type: "nothing" });
  });
});
