/** Which instances a lookup answers, and in what order: for any instances and any lookup, what its words say. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { worstOf } from "../../src/registry/health.ts";
import { everything } from "../../src/registry/lookup.ts";
import type { CheckStatus, InstanceView, Lookup } from "../../src/registry/model.ts";
import { select } from "../../src/registry/selection.ts";
import { regionName } from "../../src/support/brand.ts";
import { instanceOf, nodeOf, service, view } from "../unit/registry/examples.ts";

const statuses = ["passing", "warning", "critical"] as const satisfies readonly CheckStatus[];
const regionNames = ["wnam", "weur", "oc"].map(regionName);
const region = fc.constantFrom(...regionNames);
const tag = fc.constantFrom("blue", "Blue", "v2", "V2", "x");
const zone = fc.constantFrom("a", "b");

/** Instances with names of their own, in the order of their names. */
const instances = fc
  .array(
    fc.record({
      node: fc.constantFrom(nodeOf("a"), nodeOf("B")),
      status: fc.constantFrom(...statuses),
      region,
      tags: fc.array(tag, { maxLength: 3 }),
      meta: fc.oneof(fc.constant({}), fc.record({ zone })),
      weights: fc.record({ passing: fc.nat(3), warning: fc.nat(3) }),
    }),
    { maxLength: 12 },
  )
  .map((parts) =>
    parts
      .map((part, i): InstanceView => ({ ...view, ...part, instance: instanceOf(`i${String(i).padStart(2, "0")}`) }))
      .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
  );

const keyOf = ({ node, instance }: InstanceView): string => `${node.toLowerCase()} ${instance}`;

const order: fc.Arbitrary<Lookup["order"]> = fc.oneof(
  fc.constant({ type: "name" } as const),
  fc.record({ type: fc.constant("near" as const), regions: fc.uniqueArray(region) }),
  fc.record({ type: fc.constant("near" as const), regions: fc.uniqueArray(region), seed: fc.nat() }),
  fc.record({ type: fc.constant("weighted" as const), seed: fc.nat() }),
  fc.record({ type: fc.constant("round-robin" as const), seed: fc.nat() }),
);

const filters = fc.record({
  health: fc.constantFrom("passing" as const, "healthy" as const, "any" as const),
  tags: fc.array(tag, { maxLength: 2 }),
  notTags: fc.array(tag, { maxLength: 2 }),
  meta: fc.oneof(fc.constant({}), fc.record({ zone })),
  regions: fc.uniqueArray(region),
});

const lookup = (parts: Partial<Lookup>): Lookup => ({ ...everything(service), ...parts });
const names = (found: readonly InstanceView[]): readonly string[] => found.map(keyOf);
const lower = (texts: readonly string[]): readonly string[] => texts.map((text) => text.toLowerCase());

describe("[S4] what is answered", () => {
  test("is what passes every filter, and nothing else", () => {
    fc.assert(
      fc.property(instances, filters, (all, asked) => {
        const right = all.filter(({ status, region: at, tags, meta }) => {
          const wanted = { passing: ["passing"], healthy: ["passing", "warning"], any: statuses }[asked.health];
          return (
            wanted.some((one) => one === status) &&
            (asked.regions.length === 0 || asked.regions.includes(at)) &&
            lower(asked.tags).every((one) => lower(tags).includes(one)) &&
            lower(asked.notTags).every((one) => !lower(tags).includes(one)) &&
            Object.entries(asked.meta).every(([name, text]) => meta[name] === text)
          );
        });
        expect(names(select(all, lookup(asked)).instances)).toEqual(names(right));
      }),
    );
  });

  test("with a failover is that of the first region that has anything, whole, and of no other", () => {
    fc.assert(
      fc.property(instances, filters, fc.uniqueArray(region, { minLength: 1 }), (all, asked, failover) => {
        const found = select(all, lookup(asked)).instances;
        const first = failover.find((one) => found.some((instance) => instance.region === one));
        expect(names(select(all, lookup({ ...asked, failover })).instances)).toEqual(
          names(found.filter((one) => one.region === first)),
        );
      }),
    );
  });
});

describe("[S4] whatever the order", () => {
  test("everybody is answered once, and a limit only cuts, and says so", () => {
    fc.assert(
      fc.property(instances, order, fc.integer({ min: 1, max: 14 }), (all, asked, limit) => {
        const whole = select(all, lookup({ order: asked }));
        expect(names(whole.instances).toSorted()).toEqual(names(all).toSorted());
        expect(whole.more).toBe(false);
        const cut = select(all, lookup({ order: asked, limit }));
        expect(names(cut.instances)).toEqual(names(whole.instances.slice(0, limit)));
        expect(cut.more).toBe(all.length > limit);
      }),
    );
  });

  test("nearest first means nearest first, drawn or not", () => {
    fc.assert(
      fc.property(instances, fc.uniqueArray(region), fc.option(fc.nat(), { nil: undefined }), (all, regions, seed) => {
        const near = { type: "near", regions, ...(seed === undefined ? {} : { seed }) } as const;
        const places = select(all, lookup({ order: near })).instances.map((one) =>
          regions.includes(one.region) ? regions.indexOf(one.region) : regions.length,
        );
        expect(places).toEqual(places.toSorted((a, b) => a - b));
      }),
    );
  });

  test("turns of a round go through everybody, one further each time", () => {
    fc.assert(
      fc.property(instances, fc.nat(1_000_000), (all, seed) => {
        const firsts = all.map((_, i) => {
          const turned = { type: "round-robin", seed: seed + i } as const;
          return select(all, lookup({ order: turned })).instances.slice(0, 1);
        });
        expect(names(firsts.flat()).toSorted()).toEqual(names(all).toSorted());
      }),
    );
  });

  test("who has no weight is drawn last", () => {
    fc.assert(
      fc.property(instances, fc.nat(), (all, seed) => {
        const drawn = select(all, lookup({ order: { type: "weighted", seed } })).instances;
        const weights = drawn.map(({ status, weights: of }) => (status === "critical" ? 0 : of[status]));
        const first = weights.indexOf(0);
        if (first >= 0) expect(weights.slice(first).every((weight) => weight === 0)).toBe(true);
      }),
    );
  });

  test("pages after each other are the whole", () => {
    fc.assert(
      fc.property(instances, fc.integer({ min: 1, max: 5 }), (all, limit) => {
        const pages: string[] = [];
        let after: Lookup["after"] = null;
        for (let more = true; more;) {
          const page = select(all, lookup({ limit, after }));
          pages.push(...names(page.instances));
          ({ more } = page);
          const last = page.instances.at(-1);
          after = last === undefined ? null : { node: last.node, instance: last.instance };
        }
        expect(pages).toEqual(names(all));
      }),
    );
  });
});

test("[S4] the first place is drawn as often as the weights say", () => {
  const weights = [1, 2, 5];
  const all = weights.map((passing, i): InstanceView => ({
    ...view,
    instance: instanceOf(`i${i}`),
    status: "passing",
    weights: { passing, warning: 0 },
  }));
  const draws = 8_000;
  const firsts = Array.from(
    { length: draws },
    (_, seed) => select(all, lookup({ order: { type: "weighted", seed } })).instances[0]?.instance,
  );
  for (const [i, weight] of weights.entries()) {
    const share = firsts.filter((one) => one === `i${i}`).length / draws;
    expect(Math.abs(share - weight / 8)).toBeLessThan(0.02);
  }
});

test("[S4] health is the worst of what is said, whatever the order, and passing where nothing is", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...statuses)), (said) => {
      const worst = said.includes("critical") ? "critical" : said.includes("warning") ? "warning" : "passing";
      expect(worstOf(said)).toBe(worst);
      expect(worstOf(said.toReversed())).toBe(worst);
    }),
  );
});
