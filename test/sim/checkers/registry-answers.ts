/** What a lookup was answered, beside what the plain registry says. Used by `registry.ts`; nobody else judges answers. */
import type { InstanceView, Lookup } from "../../../src/registry/model.ts";
import type { Query, QueryResult } from "../../../src/replica/messages.ts";
import { canonical } from "../replay/canonical.ts";
import { chosenBy, orderedBy } from "../replay/plain-registry.ts";
import type { PlainInstance, PlainRegistry, PlainState } from "../replay/plain-registry.ts";
import { violated } from "./checker.ts";

type Answer<Type extends QueryResult["type"]> = Extract<QueryResult, { readonly type: Type }>;

const stateOf = (view: InstanceView["states"][number] | PlainState) => ({
  check: "check" in view ? view.check : view.definition.check,
  status: view.status,
  modRevision: view.modRevision,
});

/** All of an instance that both stories tell, as text. */
export function shownInstance(one: InstanceView | PlainInstance): string {
  const { states, nodeStates, ...others } = one;
  return canonical({ ...others, states: states.map(stateOf), nodeStates: nodeStates.map(stateOf) });
}

/** @throws {Error} unless the answer is the model's. */
export function judgeInstances(
  where: string,
  lookup: Lookup,
  { instances, more }: Answer<"instances">,
  plain: PlainRegistry,
): void {
  const chosen = chosenBy(lookup, plain.instances(lookup.service));
  const shown = instances.map(shownInstance);
  const asked = `${where} ${JSON.stringify(lookup)}`;
  const tell = (right: readonly string[]): never =>
    violated("S4", `${asked} is answered with ${shown.join(" ")}; the log says ${right.join(" ")}`);
  const order = orderedBy(lookup, chosen);
  const { after, limit } = lookup;
  const rest =
    order === null || after === null
      ? order
      : order.filter(({ node, instance }) => {
          const [own, last] = [node.toLowerCase(), after.node.toLowerCase()];
          return own > last || (own === last && instance > after.instance);
        });
  const count = rest?.length ?? chosen.length;
  if (more !== count > limit) violated("S4", `${asked} says more: ${more}; there are ${count}`);
  if (rest !== null) {
    const right = rest.slice(0, limit).map(shownInstance);
    if (right.join() !== shown.join()) tell(right);
    return;
  }
  // Drawn: as many as there may be, each once, of those that are asked for; and nearest first where that is asked.
  const right = chosen.map(shownInstance);
  const isOne = new Set(shown).size === shown.length && shown.every((one) => right.includes(one));
  if (!isOne || shown.length !== Math.min(limit, right.length)) tell(right);
  if (lookup.order.type !== "near") return;
  const { regions } = lookup.order;
  const far = ({ region }: Pick<InstanceView, "region">): number =>
    regions.includes(region) ? regions.indexOf(region) : regions.length;
  const nearest = chosen.map(far).toSorted((a, b) => a - b);
  if (instances.some((one, i) => far(one) !== nearest[i])) tell(right);
}

/** @throws {Error} unless the names, counts and tags are the model's. */
export function judgeServices(
  where: string,
  { limit, after, prefix = "" }: Extract<Query, { readonly type: "services" }>,
  { services, more }: Answer<"services">,
  plain: PlainRegistry,
): void {
  // In the order of keys, in which a name comes before those that it is the beginning of.
  const names = [...new Set(plain.stands.map(({ service }) => service))]
    .filter((name) => name.startsWith(prefix) && (after === null || name > after))
    .toSorted();
  const right = names.slice(0, limit).map((name) => {
    const own = plain.instances(name);
    return { name, instances: own.length, tags: [...new Set(own.flatMap(({ tags }) => tags))].toSorted() };
  });
  const [shown, expected] = [
    { services, more },
    { services: right, more: names.length > limit },
  ].map(canonical);
  if (shown !== expected)
    violated("S4", `${where} the services after ${after} are told as ${shown}; the log says ${expected}`);
}
