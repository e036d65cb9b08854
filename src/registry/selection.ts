/**
 * Which of a service's instances are answered, and in what order. Used by `lookup.ts`. Draws by the seed that the question
 * brings, so the same question has the same answer at every replica that is as far. Pure.
 */
import { limits } from "../support/limits.ts";
import { seededRandom } from "../support/random.ts";
import { answersTo } from "./health.ts";
import type { InstanceView, Lookup } from "./model.ts";

export interface Selected {
  readonly instances: readonly InstanceView[];
  /** There are further ones, which the limit or the size of an answer left out. */
  readonly more: boolean;
}

/** @param all in the order of their names. */
export function select(all: readonly InstanceView[], lookup: Lookup): Selected {
  const found = preferred(
    all.filter((one) => answers(one, lookup)),
    lookup,
  );
  return bounded(ordered(found, lookup.order), lookup);
}

const folded = (tags: readonly string[]): readonly string[] => tags.map((tag) => tag.toLowerCase());

function answers(instance: InstanceView, { health, tags, notTags, meta, regions }: Lookup): boolean {
  if (!answersTo(instance.status, health)) return false;
  if (regions.length > 0 && !regions.includes(instance.region)) return false;
  if (!Object.entries(meta).every(([name, text]) => Object.hasOwn(instance.meta, name) && instance.meta[name] === text))
    return false;
  if (tags.length === 0 && notTags.length === 0) return true;
  const own = folded(instance.tags);
  return folded(tags).every((tag) => own.includes(tag)) && !folded(notTags).some((tag) => own.includes(tag));
}

/** Of the regions in the order of preference, the first that has anything. */
function preferred(found: readonly InstanceView[], { failover }: Lookup): readonly InstanceView[] {
  if (failover.length === 0) return found;
  const region = failover.find((one) => found.some((instance) => instance.region === one));
  return found.filter((instance) => instance.region === region);
}

function ordered(found: readonly InstanceView[], order: Lookup["order"]): readonly InstanceView[] {
  switch (order.type) {
    case "name":
      return found;
    case "near": {
      const drawn = order.seed === undefined ? found : byWeight(found, order.seed);
      const far = ({ region }: InstanceView): number => {
        const place = order.regions.indexOf(region);
        return place < 0 ? order.regions.length : place;
      };
      return drawn.toSorted((a, b) => far(a) - far(b));
    }
    case "weighted":
      return byWeight(found, order.seed);
    case "round-robin": {
      const turn = found.length === 0 ? 0 : order.seed % found.length;
      return [...found.slice(turn), ...found.slice(0, turn)];
    }
  }
}

const weightOf = ({ status, weights }: InstanceView): number => (status === "critical" ? 0 : weights[status]);

/**
 * Drawn one after the other without putting back, each with its share of what is left (Efraimidis and Spirakis 2006):
 * the first place falls to an instance as often as its weight says. Who has none comes last, in a drawn order too.
 */
function byWeight(found: readonly InstanceView[], seed: number): readonly InstanceView[] {
  const random = seededRandom(seed);
  return found
    .map((instance) => {
      const weight = weightOf(instance);
      const draw = -Math.log(1 - random.next());
      return { instance, last: weight === 0, at: weight === 0 ? draw : draw / weight };
    })
    .toSorted((a, b) => Number(a.last) - Number(b.last) || a.at - b.at)
    .map(({ instance }) => instance);
}

function bounded(found: readonly InstanceView[], { order, after, limit }: Lookup): Selected {
  const from = after === null || order.type !== "name" ? 0 : found.findIndex((one) => isAfter(one, after));
  const instances: InstanceView[] = [];
  let bytes = 0;
  for (const instance of from < 0 ? [] : found.slice(from)) {
    bytes += sizeOf(instance);
    const full = instances.length === limit || (instances.length > 0 && bytes > limits.lookupBytes);
    if (full) return { instances, more: true };
    instances.push(instance);
  }
  return { instances, more: false };
}

/** The same instance is answered many times. */
const sizes = new WeakMap<InstanceView, number>();

function sizeOf(instance: InstanceView): number {
  const size = sizes.get(instance) ?? JSON.stringify(instance).length;
  sizes.set(instance, size);
  return size;
}

function isAfter({ node, instance }: InstanceView, after: NonNullable<Lookup["after"]>): boolean {
  const [own, last] = [node.toLowerCase(), after.node.toLowerCase()];
  return own > last || (own === last && instance > after.instance);
}
