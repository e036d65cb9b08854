/** `/v1/health/...`: checks, and instances with theirs. */
import { agentNode } from "../../src/registry/keys.ts";
import { checkStatuses } from "../../src/registry/checks.ts";
import type { NodeView } from "../../src/registry/model.ts";
import type { Revision } from "../../src/support/brand.ts";
import type { Call, Doors } from "./call.ts";
import {
  checksOf,
  filterIn,
  inOrder,
  instancesOf,
  nearIn,
  nodeIn,
  nodeMetaIn,
  nodeOf,
  nodesOf,
  onNode,
  passingIn,
  serviceIn,
  tagsIn,
} from "./finding.ts";
import { blocking } from "./reading.ts";
import { aliveShown, checkShown, healthShown, instanceChecksShown, nodeChecksShown, selectable } from "./shapes.ts";

export const healthDoors: Doors = {
  "health/node/": { GET: node },
  "health/checks/": { GET: checks },
  "health/service/": { GET: service },
  "health/state/": { GET: state },
};

async function node(call: Call): Promise<Response> {
  const name = nodeIn(call);
  const filter = filterIn(call, selectable.check);
  return blocking(call, [], async (consistency) => {
    const { view, instances, checks: own, ...origin } = await onNode(call.visit, consistency, name);
    const ofNode = view === null && own.length === 0 ? [] : nodeChecksShown(view?.name ?? name, own);
    return { ...origin, body: [...ofNode, ...instances.flatMap(instanceChecksShown)].filter(filter) };
  });
}

async function checks(call: Call): Promise<Response> {
  const name = serviceIn(call);
  const filter = filterIn(call, selectable.check);
  const fits = nodeMetaIn(call);
  const near = await nearIn(call);
  return blocking(call, [], async (consistency) => {
    const found = await instancesOf(call.visit, consistency, name);
    const wanted = found.instances.filter((one) => fits === null || fits(nodeOf(found, one)));
    const body = inOrder(wanted, near, ({ region }) => region).flatMap(instanceChecksShown);
    const { index, revision, headers, ranges } = found;
    return { index, revision, headers, ranges, body: body.filter(filter) };
  });
}

async function service(call: Call): Promise<Response> {
  const name = serviceIn(call);
  const filter = filterIn(call, selectable.serviceHealth);
  const fits = nodeMetaIn(call);
  const wanted = { tags: tagsIn(call), health: passingIn(call) ? "passing" : "any" } as const;
  const near = await nearIn(call);
  return blocking(call, [], async (consistency) => {
    const found = await instancesOf(call.visit, consistency, name, wanted);
    const { index, revision, headers, ranges } = found;
    const body = inOrder(found.instances, near, ({ region }) => region)
      .map((instance) => ({ instance, of: nodeOf(found, instance) }))
      .filter(({ of }) => fits === null || fits(of))
      .map(({ instance, of }) => healthShown(instance, of, call.datacenter))
      .filter(filter);
    return { index, revision, headers, ranges, body };
  });
}

async function state(call: Call): Promise<Response> {
  const asked = call.name("Missing check state");
  const status = checkStatuses.find((one) => one === asked) ?? null;
  const filter = filterIn(call, selectable.check);
  const fits = nodeMetaIn(call);
  const near = await nearIn(call);
  return blocking(call, [], async (consistency) => {
    const { checks: found, ...origin } = await checksOf(call.visit, consistency, status);
    if (status === null && asked !== "any") return { ...origin, body: [] };
    const known = fits === null ? null : await nodesFitting(call, origin.revision, fits);
    const shown = inOrder(found, near, ({ region }) => region)
      .filter((place) => known === null || known.has(place.node.toLowerCase()))
      .map(checkShown);
    const isAliveAsked = (status === null || status === "passing") && (known === null || known.has(agentNode));
    return { ...origin, body: [...(isAliveAsked ? [aliveShown(agentNode)] : []), ...shown].filter(filter) };
  });
}

/** By their names in small letters. */
async function nodesFitting(
  { visit }: Call,
  atLeast: Revision,
  fits: (node: NodeView | null) => boolean,
): Promise<ReadonlySet<string>> {
  const { nodes } = await nodesOf(visit, { type: "session", atLeast });
  return new Set(nodes.filter(fits).map(({ name }) => name.toLowerCase()));
}
