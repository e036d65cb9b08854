/**
 * `/v1/catalog/register` and `/v1/catalog/deregister`: nodes of any name, what stands on them, and checks that say what the
 * request says. Everything is read and judged before anything is written.
 */
import { agentNode, checkName, instanceName, nodeName, sameNode } from "../../src/registry/keys.ts";
import { nodeRecord } from "../../src/registry/records.ts";
import { isRejected } from "../../src/registry/shapes.ts";
import type { CheckName, InstanceName, InstanceView, NodeName, NodeRecord } from "../../src/registry/model.ts";
import { limits } from "../../src/support/limits.ts";
import { read } from "../gateway/reads.ts";
import { deregisterAll, deregisterNode, deregisterNodeCheck, putNode } from "../gateway/registry.ts";
import type { Visit } from "../gateway/visit.ts";
import { surroundingsOf } from "./around.ts";
import type { Call } from "./call.ts";
import { ConsulError } from "./errors.ts";
import type { Members } from "./json.ts";
import { catalogCheckOf, refuseTwice, serviceOf } from "./register-body.ts";
import type { NewCheck, NewService } from "./register-body.ts";
import { instanceNow, putCheck, refuseElsewhere, registerService, removeCheck } from "./registering.ts";

interface Asked {
  readonly node: NodeName;
  /** Null: the node stays as it is. */
  readonly record: NodeRecord | null;
  readonly service: NewService | null;
  readonly checks: readonly { readonly instance: InstanceName | null; readonly check: NewCheck }[];
}

export async function register(call: Call): Promise<Response> {
  const { visit } = call;
  const asked = askedIn(await call.members(), call);
  const { node, record, service, checks } = asked;
  if (record === null) await requireNode(visit, node);
  const own = service?.place.instance ?? null;
  if (service !== null && own !== null) refuseElsewhere(service.place, await instanceNow(visit, node, own));
  const others = checks.filter(({ instance }) => instance !== null && instance !== own);
  for (const { instance } of others) await requireInstance(visit, node, instance);

  const ofNode = checks.filter(({ instance }) => instance === null).map(({ check }) => check);
  if (record !== null || ofNode.length > 0) await putNode(visit, node, record, ofNode);
  if (service !== null) await registerService(visit, service, { replace: false, set: true });
  for (const { instance, check } of others) if (instance !== null) await putCheck(visit, node, instance, check);
  return call.json(true);
}

function askedIn(from: Members, call: Call): Asked {
  const node = nodeNamed(from);
  refuseDatacenter(from, call);
  const address = from.text("Address") ?? "";
  const skip = from.flag("SkipNodeUpdate") ?? false;
  const input = {
    name: node,
    id: from.text("ID") ?? "",
    address,
    taggedAddresses: from.textMap("TaggedAddresses") ?? {},
    meta: from.textMap("NodeMeta") ?? {},
  };
  const record = skip ? null : nodeRecord(input);
  if (record !== null && address === "") {
    throw new ConsulError(400, "Must provide address if SkipNodeUpdate is not set");
  }
  if (record !== null && isRejected(record)) throw new ConsulError(400, `Invalid node: ${record.reason}`);
  const sentService = from.object("Service");
  const around = { ...surroundingsOf(call), node, address: "" };
  const service = sentService === undefined ? null : serviceOf(sentService, "Service", around);
  const single = from.object("Check");
  const sent = [...(single === undefined ? [] : [single]), ...(from.objects("Checks") ?? [])];
  const checks = sent.map((one) => catalogCheckOf(one, node));
  from.ignore("Namespace", "Partition", "EnterpriseMeta", "WriteRequest", "RaftIndex", "PeerName");
  from.end();
  const own = checks.filter(({ instance }) => instance !== null && instance === service?.place.instance);
  const all = service === null ? null : { ...service, checks: [...service.checks, ...own.map(({ check }) => check)] };
  refuseTwice(checks.map(({ check }) => check));
  if (all !== null) refuseTwice(all.checks);
  return { node, record, service: all, checks };
}

function nodeNamed(from: Members): NodeName {
  const text = from.text("Node") ?? "";
  if (text === "") throw new ConsulError(400, "Must provide node");
  const node = nodeName(text);
  if (node !== null) return node;
  throw new ConsulError(
    400,
    `Invalid node name ${JSON.stringify(text.slice(0, 80))}: 1 to 63 letters, digits, _ and inner dots and hyphens`,
  );
}

function refuseDatacenter(from: Members, { datacenter }: Call): void {
  const named = from.text("Datacenter") ?? "";
  if (named !== "" && named.toLowerCase() !== datacenter) throw new ConsulError(500, "No path to datacenter");
}

async function requireNode(visit: Visit, node: NodeName): Promise<void> {
  const { result } = await read(visit, { type: "linearizable" }, { type: "node", node }, "node");
  if (result.node === null) throw new ConsulError(500, "Missing node registration");
}

async function requireInstance(visit: Visit, node: NodeName, instance: InstanceName | null): Promise<void> {
  const found = instance === null ? null : await instanceNow(visit, node, instance);
  if (found === null) throw new ConsulError(500, "Missing service registration");
}

// --- deregister ---

export async function deregister(call: Call): Promise<Response> {
  const from = await call.members();
  const node = nodeNamed(from);
  refuseDatacenter(from, call);
  const [service, check] = [from.text("ServiceID") ?? "", from.text("CheckID") ?? ""];
  from.ignore("Address", "Namespace", "Partition", "EnterpriseMeta", "WriteRequest", "PeerName");
  from.end();
  const { visit } = call;
  // Consul's order: a service goes before a check, and both before the node.
  if (service !== "") await removeInstance(visit, node, instanceName(service));
  else if (check !== "") await removeCheckOf(visit, node, checkName(check));
  else if (sameNode(node, agentNode)) {
    const why = "stands for the agent: name a ServiceID or a CheckID";
    throw new ConsulError(400, `the node ${JSON.stringify(agentNode)} ${why}`);
  } else await deregisterNode(visit, node);
  return call.json(true);
}

/** What is not there is as good as removed. */
async function removeInstance(visit: Visit, node: NodeName, instance: InstanceName | null): Promise<void> {
  const found = instance === null ? null : await instanceNow(visit, node, instance);
  if (found !== null) await removeOne(visit, found);
}

/** @throws {Problem} when nobody could say that it is gone. */
export async function removeOne(visit: Visit, { service, node, instance }: InstanceView): Promise<void> {
  const [result] = await deregisterAll(visit, [{ service, node, instance }]);
  if (result?.type === "problem" && result.problem.code !== "instance-not-found") throw result.problem;
}

/** @returns whether there was such a check. */
export async function removeCheckOf(visit: Visit, node: NodeName, check: CheckName | null): Promise<boolean> {
  if (check === null) return false;
  for (let attempt = 0; attempt < limits.consulAttempts; attempt += 1) {
    const { result } = await read(visit, { type: "linearizable" }, { type: "check", node, check }, "check");
    if (result.check === null) return false;
    const { instance } = result.check;
    if (instance === null) {
      await deregisterNodeCheck(visit, node, check);
      return true;
    }
    if (await removeCheck(visit, node, instance, check)) return true;
    // A maintenance is no check that was registered.
    if (check.startsWith("_")) return false;
  }
  return false;
}
