/** What the registry stores: records come back as they went in, garbage never does, and no name reaches into another's range. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as keys from "../../src/registry/keys.ts";
import type { InstancePlace, InstanceRecord } from "../../src/registry/model.ts";
import {
  decodeInstance,
  decodeNodeCheck,
  decodeState,
  encodeInstance,
  encodeNodeCheck,
  encodeState,
} from "../../src/registry/records.ts";
import { covers } from "../../src/store/transaction.ts";
import type { KeyRange } from "../../src/store/transaction.ts";
import { byteString, utf8 } from "../../src/support/bytes.ts";
import { checks, recordOf } from "../unit/registry/examples.ts";

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((one) => one.isWellFormed());
const pairs = fc.dictionary(word, text, { maxKeys: 4 });

const record: fc.Arbitrary<InstanceRecord> = fc
  .record({
    address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant("a.example"), fc.constant("")),
    port: fc.nat(65_535),
    protocol: fc.constantFrom("tcp", "udp"),
    tags: fc.array(text, { maxLength: 4 }),
    meta: pairs,
    weights: fc.record({ passing: fc.nat(100), warning: fc.nat(100) }),
    ttlMs: fc.oneof(fc.constant(null), fc.integer({ min: 1_000, max: 3_600_000 })),
    region: fc.constantFrom("wnam", "weur"),
    checks: fc.subarray([...checks]),
    enableTagOverride: fc.boolean(),
  })
  .map((parts) => recordOf(parts));

describe("[S4] records", () => {
  test("come back as they went in, and equal ones are equal byte for byte", () => {
    fc.assert(
      fc.property(record, (one) => {
        const bytes = encodeInstance(one);
        const back = decodeInstance(bytes);
        expect(back).toEqual(one);
        const turned = { ...one, meta: Object.fromEntries(Object.entries(one.meta).toReversed()) };
        expect(encodeInstance(turned)).toEqual(bytes);
      }),
    );
  });

  test("with one member missing, one too many, or of another kind are none", () => {
    fc.assert(
      fc.property(record, fc.nat(), fc.constantFrom("missing", "more", "other"), (one, at, how) => {
        const parts: Record<string, unknown> = JSON.parse(new TextDecoder().decode(encodeInstance(one))) as never;
        const names = Object.keys(parts);
        const name = names[at % names.length] ?? "";
        if (how === "more") parts["further"] = 1;
        else if (how === "missing") delete parts[name];
        else parts[name] = { not: "this" };
        // Meta and addresses are objects of texts: this would be one.
        const isFine = how === "other" && name === "meta";
        expect(decodeInstance(utf8(JSON.stringify(parts))) === null).toBe(!isFine);
      }),
    );
  });

  test("are never made of garbage, nor do they end the reader", () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.json().map((json) => utf8(json)),
    );
    fc.assert(
      fc.property(garbage, (bytes) => {
        expect(decodeInstance(bytes)).toBeNull();
        expect(decodeState(bytes)).toBeNull();
        expect(decodeNodeCheck(bytes)).toBeNull();
      }),
    );
  });

  test("of checks come back, too", () => {
    const state = fc.record({ status: fc.constantFrom("passing", "warning", "critical"), output: text });
    fc.assert(
      fc.property(fc.constantFrom(...checks), state, (definition, said) => {
        expect(decodeState(encodeState(said))).toEqual(said);
        const check = { definition, state: said };
        expect(decodeNodeCheck(encodeNodeCheck(check))).toEqual(check);
      }),
    );
  });
});

const named = <Name>(pattern: RegExp, make: (text: string) => Name | null): fc.Arbitrary<Name> =>
  fc.stringMatching(pattern).map((one) => {
    const made = make(one);
    if (made === null) throw new Error(`${one} is no name`);
    return made;
  });
// Short and of few letters, so that one is often the beginning of another.
const service = named(/^[a_]([-a0_]?[a0_]){0,2}$/, keys.serviceName);
const node = named(/^[aA]([.-]?[aA0]){0,2}$/, keys.nodeName);
const instance = named(/^[aA0.:@-]{1,3}$/, keys.instanceName);
const check = named(/^[aA0.:@-]{1,3}$/, keys.checkName);
const place: fc.Arbitrary<InstancePlace> = fc.record({ service, node, instance });

describe("[S5] keys", () => {
  test("of a service lie in its own range, and in no other service's", () => {
    fc.assert(
      fc.property(place, check, service, (one, of, other) => {
        for (const key of [keys.instanceKey(one), keys.stateKey(one, of)]) {
          expect(covers(keys.serviceRange(one.service), key)).toBe(true);
          expect(covers(keys.allServices, key)).toBe(true);
          expect(covers(keys.serviceRange(other), key)).toBe(other === one.service);
        }
      }),
    );
  });

  test("of services in order are ranges in order, which nothing else of the registry lies in", () => {
    fc.assert(
      fc.property(service, service, node, check, (a, b, host, of) => {
        const [first, second] = [a, b].map(keys.serviceRange).toSorted((x, y) => (x.key < y.key ? -1 : 1)) as [
          KeyRange,
          KeyRange,
        ];
        if (a !== b) expect((first.end ?? "") <= second.key).toBe(true);
        const others = [
          keys.nodeKey(host),
          keys.nodeCheckKey(host, of),
          keys.nodeStateKey(host, of),
          keys.checkIndexKey(host, of),
        ];
        for (const key of others)
          expect([first, second, keys.allServices].some((range) => covers(range, key))).toBe(false);
      }),
    );
  });

  test("name what they are of, with nodes in small letters, and two of them nobody else", () => {
    fc.assert(
      fc.property(place, place, check, (one, other, of) => {
        const small = { ...one, node: one.node.toLowerCase() };
        expect(keys.serviceKeyOf(keys.instanceKey(one))).toEqual({ type: "instance", place: small });
        expect(keys.serviceKeyOf(keys.stateKey(one, of))).toEqual({ type: "state", place: small, check: of });
        const same =
          one.service === other.service && keys.sameNode(one.node, other.node) && one.instance === other.instance;
        expect(keys.instanceKey(one) === keys.instanceKey(other)).toBe(same);
        expect(covers(keys.statesRange(one), keys.stateKey(other, of))).toBe(same);
        const sameLease = keys.sameNode(one.node, other.node) && one.instance === other.instance;
        expect(keys.instanceLease(one) === keys.instanceLease(other)).toBe(sameLease);
      }),
    );
  });

  test("that are none are taken for none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const key = byteString(bytes);
        const read = keys.serviceKeyOf(key);
        if (read === null) return;
        const again = read.type === "instance" ? keys.instanceKey(read.place) : keys.stateKey(read.place, read.check);
        expect(again.toLowerCase()).toBe(key.toLowerCase());
      }),
    );
  });
});
