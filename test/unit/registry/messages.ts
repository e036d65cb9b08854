/** One of each question to the registry, and of each answer, for the test of their codec. */
import type { RegistryQuery, RegistryResult } from "../../../src/replica/messages.ts";
import { regionName, revision } from "../../../src/support/brand.ts";
import type { ByteString } from "../../../src/support/brand.ts";
import { checks, instance, lookup, node, place, service, view } from "./examples.ts";

const key = "sweb\0i\u00ff" as ByteString;
const grounds = { index: revision(4), ranges: [{ key, end: null }] };
const [check] = view.states;
if (check === undefined) throw new Error("the instance has a check");
const placed = { ...place, region: regionName("weur"), tags: ["a"], view: check };

export const registryQueries: readonly RegistryQuery[] = [
  { type: "instances", lookup: { ...lookup, order: { type: "near", regions: [regionName("oc")] } } },
  { type: "instances", lookup: { ...lookup, order: { type: "weighted", seed: 7 } } },
  { type: "services", after: null, limit: 5, prefix: "we" },
  { type: "nodes", after: node.name, limit: 5 },
  { type: "node", node: node.name, after: instance },
  { type: "node", node: node.name },
  { type: "checks", status: "warning", region: null, activeOnly: true, limit: 9, after: key },
  { type: "instance", node: node.name, instance },
  { type: "check", node: node.name, check: checks[0].check },
];

export const registryResults: readonly RegistryResult[] = [
  { type: "instances", instances: [view], nodes: [node], more: true, ...grounds },
  { type: "services", services: [{ name: service, instances: 2, tags: ["a"] }], more: false, ...grounds },
  { type: "nodes", nodes: [node], more: false, ...grounds },
  { type: "node", node, instances: [view], checks: view.nodeStates, more: false, ...grounds },
  { type: "checks", checks: [placed], next: key, ...grounds },
  { type: "instance", instance: view, nodes: [], ...grounds },
  { type: "check", check: placed, instance: null, ...grounds },
];
