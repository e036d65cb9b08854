/**
 * The door for Consul's clients: `/v1/...`, Consul's HTTP API. Answers in Consul's words, its errors included, whatever
 * goes wrong. What is not supported is said so (404, 501); `docs/consul.md` has the table.
 */
import type { Context } from "hono";
import { agentCheckDoors } from "../consul/agent-checks.ts";
import { agentServiceDoors } from "../consul/agent-services.ts";
import { Call, checkCall } from "../consul/call.ts";
import type { Doors, Method } from "../consul/call.ts";
import { catalogDoors } from "../consul/catalog.ts";
import { plainText } from "../consul/errors.ts";
import { eventDoors } from "../consul/event.ts";
import { healthDoors } from "../consul/health.ts";
import { kvDoors } from "../consul/kv.ts";
import { prometheusDoors } from "../consul/prometheus.ts";
import { sessionDoors } from "../consul/session.ts";
import { statusDoors } from "../consul/status.ts";
import { txnDoors } from "../consul/txn.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import type { App } from "../gateway/methods.ts";

const doors: Doors = {
  ...kvDoors,
  ...txnDoors,
  ...sessionDoors,
  ...statusDoors,
  ...eventDoors,
  ...catalogDoors,
  ...healthDoors,
  ...agentServiceDoors,
  ...agentCheckDoors,
  ...prometheusDoors,
};

/** Whether what went wrong there is to be told in Consul's words. */
export const isConsulPath = (path: string): boolean => path === "/v1" || path.startsWith("/v1/");

/** Endpoints of Consul's that take whatever follows them, longest first, so that the nearest one is found first. */
const open = Object.keys(doors)
  .filter((name) => name.endsWith("/"))
  .toSorted((a, b) => b.length - a.length);

export function addConsulRoutes(app: App): void {
  for (const path of ["/v1", "/v1/*"]) app.all(path, answerCall);
}

async function answerCall({ req, var: variables }: Context<GatewayEnv>): Promise<Response> {
  const path = req.path.slice("/v1/".length);
  const name = Object.hasOwn(doors, path) ? path : (open.find((one) => path.startsWith(one)) ?? null);
  const methods = name === null ? undefined : doors[name];
  if (name === null || methods === undefined) return notHere(path);
  const allow = Object.keys(methods).join(",");
  const method = req.method === "HEAD" ? "GET" : req.method;
  if (method === "OPTIONS") return new Response(null, { status: 200, headers: { allow } });
  const handler = isMethod(method) ? methods[method] : undefined;
  if (handler === undefined) return plainText(`method ${req.method} not allowed`, 405, { allow });
  const call = new Call(variables.visit, req.raw, path.slice(name.length));
  checkCall(call);
  const answer = await handler(call);
  return req.method === "HEAD" ? new Response(null, answer) : answer;
}

const isMethod = (method: string): method is Method => ["GET", "PUT", "POST", "DELETE"].includes(method);

/** What Consul has and Synod has not, and what to say of it. */
const unsupported: Readonly<Record<string, string>> = {
  acl: "ACLs: a deployment has one token",
  "agent/check/": "this call about checks",
  "agent/connect/": "Connect, the service mesh",
  "agent/force-leave": "changing the members: the regions are the deployment's configuration",
  "agent/host": "facts about the host",
  "agent/join": "changing the members: the regions are the deployment's configuration",
  "agent/leave": "changing the members: the regions are the deployment's configuration",
  "agent/metrics": "Consul's metrics",
  "agent/monitor": "streaming logs",
  "agent/reload": "reloading the configuration",
  "agent/token": "ACLs: a deployment has one token",
  "catalog/connect": "Connect, the service mesh",
  "catalog/gateway-services": "Connect, the service mesh",
  config: "configuration entries",
  connect: "Connect, the service mesh",
  coordinate: "network coordinates: the nearest instances come first by region",
  "discovery-chain": "Connect, the service mesh",
  "exported-services": "cluster peering",
  "health/connect": "Connect, the service mesh",
  "health/ingress": "Connect, the service mesh",
  "imported-services": "cluster peering",
  internal: "Consul's internal calls",
  namespace: "Consul's namespaces: independent ones are reached by /ns/{namespace}/v1/...",
  namespaces: "Consul's namespaces: independent ones are reached by /ns/{namespace}/v1/...",
  operator: "operating Consul's servers",
  partition: "admin partitions",
  partitions: "admin partitions",
  peering: "cluster peering",
  peerings: "cluster peering",
  query: "prepared queries: GET /services/{name} has failover between regions",
  snapshot: "snapshots: a namespace's state is no file",
};

const unsupportedNames = Object.keys(unsupported).toSorted((a, b) => b.length - a.length);

function notHere(path: string): Response {
  const name = unsupportedNames.find((one) => path === one || path.startsWith(one.endsWith("/") ? one : `${one}/`));
  if (name !== undefined) return plainText(`not supported by Synod: ${unsupported[name]}`, 501);
  return plainText("no such endpoint: docs/consul.md lists those that Synod has", 404);
}
