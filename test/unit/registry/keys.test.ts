import { describe, expect, test } from "vitest";
import { isAddress } from "../../../src/registry/addresses.ts";
import * as keys from "../../../src/registry/keys.ts";
import type { ByteString } from "../../../src/support/brand.ts";
import { covers } from "../../../src/store/transaction.ts";
import { checkOf, instanceOf, nodeOf, placeOf, serviceOf } from "./examples.ts";

describe("names", () => {
  test("of services are the same in either case", () => {
    expect(keys.serviceName("Web-1")).toBe("web-1");
    for (const text of ["a", "_x", "a_b", "x".repeat(63)]) expect(keys.serviceName(text)).toBe(text);
    for (const text of ["", "-a", "a-", "a.b", "é", "x".repeat(64), "a\n", "a\0"]) {
      expect(keys.serviceName(text)).toBeNull();
    }
  });

  test("of instances and checks have path characters only", () => {
    for (const text of ["10.0.0.1:80", "a@b", "_service_maintenance:x"]) expect(keys.instanceName(text)).toBe(text);
    for (const text of ["", "a/b", "a b", "x".repeat(129), "a\0"]) expect(keys.instanceName(text)).toBeNull();
    for (const text of ["", "a/b", "a b", "x".repeat(193), "a\0"]) expect(keys.checkName(text)).toBeNull();
  });

  test("of nodes keep their case, and lead to the same keys in either", () => {
    expect(keys.nodeName("Host-1.example")).toBe("Host-1.example");
    expect(keys.nodeKey(nodeOf("HOST"))).toBe(keys.nodeKey(nodeOf("host")));
    expect(keys.sameNode(nodeOf("HOST"), nodeOf("host"))).toBe(true);
    for (const text of ["", "-a", "a.", ".", "a b", "x".repeat(64)]) expect(keys.nodeName(text)).toBeNull();
  });
});

describe("keys", () => {
  const place = placeOf("Web", "i-1", nodeOf("Host"));

  test("name their place, and nothing else does", () => {
    const folded = placeOf("web", "i-1", nodeOf("host"));
    expect(keys.serviceKeyOf(keys.instanceKey(place))).toEqual({ type: "instance", place: folded });
    const check = checkOf("service:i-1");
    expect(keys.serviceKeyOf(keys.stateKey(place, check))).toEqual({ type: "state", place: folded, check });
    for (const key of [
      "kweb\0in\0i",
      "sweb",
      "s\0in\0i",
      "sweb\0",
      "sweb\0in",
      "sweb\0xn\0i",
      "sweb\0in\0i\0c",
      "s!n\0",
    ])
      expect(keys.serviceKeyOf(key as ByteString)).toBeNull();
  });

  test("of one service lie together, and no other service's among them", () => {
    const range = keys.serviceRange(serviceOf("web"));
    const own = [keys.instanceKey(place), keys.stateKey(place, checkOf("c"))];
    for (const key of own) expect([covers(range, key), covers(keys.allServices, key)]).toEqual([true, true]);
    for (const other of ["we", "web-2", "web0", "weba", "_web"]) {
      expect(covers(range, keys.instanceKey(placeOf(other, "i")))).toBe(false);
    }
    const nodes = [keys.nodeKey(place.node), keys.nodeCheckKey(place.node, checkOf("c"))];
    for (const key of nodes) expect([covers(range, key), covers(keys.allServices, key)]).toEqual([false, false]);
  });

  test("of a check's index are told from others", () => {
    expect(keys.indexedCheck(keys.checkIndexKey(nodeOf("n"), checkOf("mine")))).toBe("mine");
    expect(keys.indexedCheck(keys.instanceKey(place))).toBeNull();
    expect(keys.indexedInstance(keys.indexValue(place))).toBe("i-1");
  });

  test("checks of an instance's own naming need no index", () => {
    const own = instanceOf("web:1");
    expect(["service:web:1", "service:web:1:2"].map((name) => keys.isOwnCheck(own, checkOf(name)))).toEqual([
      true,
      true,
    ]);
    expect(["service:web", "service:web:1:x", "beat"].some((name) => keys.isOwnCheck(own, checkOf(name)))).toBe(false);
    expect(keys.instancesNamedBy(checkOf("service:web:1"))).toEqual(["web:1", "web"]);
    expect(keys.instancesNamedBy(checkOf("_service_maintenance:web:1"))).toEqual(["web:1"]);
    expect(keys.instancesNamedBy(checkOf("beat"))).toEqual([]);
    expect([keys.ownCheck(own, 1, 1), keys.ownCheck(own, 2, 2)]).toEqual(["service:web:1", "service:web:1:2"]);
  });
});

test.each([
  ["10.0.0.1", true],
  ["255.255.255.255", true],
  ["::1", true],
  ["2001:db8::1", true],
  ["::ffff:10.0.0.1", true],
  ["1:2:3:4:5:6:7:8", true],
  ["db.internal", true],
  ["a", true],
  ["xn--bcher-kva.example.", true],
  ["", false],
  ["10.0.0", false],
  ["10.0.0.256", false],
  ["10.0.0.01", false],
  ["999.1.1.1", false],
  ["1:2:3", false],
  ["1::2::3", false],
  ["1:2:3:4:5:6:7:8:9", false],
  ["::ffff:10.0.0.256", false],
  ["fe80::1%eth0", false],
  ["a b", false],
  ["-a.example", false],
  ["a..b", false],
  ["a_b", false],
  ["http://a", false],
  ["a:80", false],
  ["[::1]", false],
  [`${"a".repeat(64)}.example`, false],
  [`${"a.".repeat(127)}a`, false],
  ["é.example", false],
])("whether %j is an address: %j", (text, is) => {
  expect(isAddress(text)).toBe(is);
});
