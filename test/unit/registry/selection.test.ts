import { describe, expect, test } from "vitest";
import type { InstanceView, Lookup } from "../../../src/registry/model.ts";
import { everything } from "../../../src/registry/lookup.ts";
import { select } from "../../../src/registry/selection.ts";
import { regionName } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { instanceOf, service, view } from "./examples.ts";

const made = (instance: string, parts: Partial<InstanceView> = {}): InstanceView => ({
  ...view,
  instance: instanceOf(instance),
  status: "passing",
  ...parts,
});
const in_ = (instance: string, region: string, parts: Partial<InstanceView> = {}) =>
  made(instance, { region: regionName(region), ...parts });
const names = (all: readonly InstanceView[], parts: Partial<Lookup> = {}): readonly string[] =>
  select(all, { ...everything(service), ...parts }).instances.map((one) => one.instance);
const regions = (...names: readonly string[]) => names.map(regionName);

describe("filters", () => {
  const statuses = [made("p"), made("w", { status: "warning" }), made("c", { status: "critical" })];

  test("by health", () => {
    expect(names(statuses, { health: "passing" })).toEqual(["p"]);
    expect(names(statuses, { health: "healthy" })).toEqual(["p", "w"]);
    expect(names(statuses, { health: "any" })).toEqual(["p", "w", "c"]);
  });

  test("by tags, all of them and none of those, in either case", () => {
    const all = [made("a", { tags: ["Blue", "x"] }), made("b", { tags: ["blue"] }), made("c", { tags: [] })];
    expect(names(all, { tags: ["BLUE"] })).toEqual(["a", "b"]);
    expect(names(all, { tags: ["blue", "X"] })).toEqual(["a"]);
    expect(names(all, { notTags: ["X"] })).toEqual(["b", "c"]);
    expect(names(all, { tags: ["blue"], notTags: ["x"] })).toEqual(["b"]);
  });

  test("by meta, never by what every object has", () => {
    const all = [made("a", { meta: { zone: "a" } }), made("b", { meta: {} })];
    expect(names(all, { meta: { zone: "a" } })).toEqual(["a"]);
    expect(names(all, { meta: { toString: "" } })).toEqual([]);
  });

  test("by region", () => {
    expect(names([in_("a", "oc"), in_("b", "weur")], { regions: regions("oc") })).toEqual(["a"]);
  });
});

describe("failover", () => {
  const all = [in_("a", "oc", { status: "critical" }), in_("b", "weur"), in_("c", "wnam"), in_("d", "weur")];

  test("goes to the first region that has anything healthy", () => {
    expect(names(all, { health: "healthy", failover: regions("oc", "weur", "wnam") })).toEqual(["b", "d"]);
    expect(names(all, { health: "any", failover: regions("oc", "weur") })).toEqual(["a"]);
  });

  test("finds nothing where none of the regions has any", () => {
    expect(names(all, { failover: regions("me", "afr") })).toEqual([]);
  });
});

describe("orders", () => {
  test("nearest first, by name within a region, and what is nowhere last", () => {
    const all = [in_("a", "mars"), in_("b", "oc"), in_("c", "weur"), in_("d", "oc")];
    const order = { type: "near", regions: regions("weur", "oc") } as const;
    expect(names(all, { order })).toEqual(["c", "b", "d", "a"]);
  });

  test("drawn by weight: as often first as the weight says, everybody once, the same for the same seed", () => {
    const weigh = (passing: number) => ({ weights: { passing, warning: 0 } });
    const all = [made("light", weigh(1)), made("heavy", weigh(3)), made("none", weigh(0))];
    const draws = Array.from({ length: 4000 }, (_, seed) => names(all, { order: { type: "weighted", seed } }));
    for (const draw of draws) expect([draw.length, draw[2]]).toEqual([3, "none"]);
    const heavy = draws.filter(([first]) => first === "heavy").length / draws.length;
    expect(heavy).toBeGreaterThan(0.72);
    expect(heavy).toBeLessThan(0.78);
    expect(names(all, { order: { type: "weighted", seed: 7 } })).toEqual(draws[7]);
  });

  test("drawn by weight within each region, nearest first", () => {
    const all = [in_("a", "oc"), in_("b", "oc"), in_("c", "weur"), in_("d", "weur")];
    const near = (seed: number) => names(all, { order: { type: "near", regions: regions("weur", "oc"), seed } });
    const firsts = Array.from({ length: 50 }, (_, seed) => near(seed));
    for (const [one, two] of firsts) expect(new Set([one, two])).toEqual(new Set(["c", "d"]));
    expect(new Set(firsts.map(([first]) => first))).toEqual(new Set(["c", "d"]));
  });

  test("a warning one weighs what it says for that, a critical one nothing", () => {
    const weights = { passing: 0, warning: 5 };
    const all = [made("c", { status: "critical" }), made("p", { weights }), made("w", { status: "warning", weights })];
    for (let seed = 0; seed < 20; seed += 1) expect(names(all, { order: { type: "weighted", seed } })[0]).toBe("w");
  });

  test("round robin: everybody's turn comes", () => {
    const all = [made("a"), made("b"), made("c")];
    const turns = [0, 1, 2, 3].map((seed) => names(all, { order: { type: "round-robin", seed } }).join(""));
    expect(turns).toEqual(["abc", "bca", "cab", "abc"]);
    expect(names([], { order: { type: "round-robin", seed: 5 } })).toEqual([]);
  });
});

describe("bounds", () => {
  test("by number, and going on after the last", () => {
    const all = ["a", "b", "c"].map((name) => made(name));
    const first = select(all, { ...everything(service), limit: 2 });
    expect([first.instances.map((one) => one.instance), first.more]).toEqual([["a", "b"], true]);
    const after = first.instances.at(-1) ?? null;
    expect(select(all, { ...everything(service), limit: 2, after })).toMatchObject({ more: false });
    expect(names(all, { after })).toEqual(["c"]);
    expect(names(all, { after: made("z") })).toEqual([]);
  });

  test("by the size of an answer", () => {
    const meta = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`k${i}`, "v".repeat(512)]));
    const all = Array.from({ length: 200 }, (_, i) => made(`i${1000 + i}`, { meta }));
    const { instances, more } = select(all, everything(service));
    expect(more).toBe(true);
    expect(JSON.stringify(instances).length).toBeLessThan(limits.lookupBytes + 64);
    expect(instances.length).toBeGreaterThan(10);
  });
});
