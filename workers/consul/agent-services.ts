/**
 * `/v1/agent/service...`, `/v1/agent/health/service/...` and `/v1/agent/maintenance`. The agent is the gateway, whichever
 * answers: all of them know the same services, those on the node `agentNode`.
 */
import { agentNode, instanceName, nodeMaintenanceCheck, sameNode, serviceName } from "../../src/registry/keys.ts";
import { nodeMaintenance } from "../../src/registry/health.ts";
import type { CheckStatus, InstanceName, InstanceView } from "../../src/registry/model.ts";
import { utf8 } from "../../src/support/bytes.ts";
import type { Consistency } from "../../src/replica/messages.ts";
import { read } from "../gateway/reads.ts";
import { deregisterNodeCheck, putNode, setMaintenance } from "../gateway/registry.ts";
import { surroundingsOf } from "./around.ts";
import type { Call, Doors } from "./call.ts";
import { removeOne } from "./catalog-register.ts";
import { ConsulError } from "./errors.ts";
import { filterIn, instancesOf, onNode } from "./finding.ts";
import { byPutOrGet } from "./lenient-get.ts";
import { changeWithin, waitIn } from "./reading.ts";
import { serviceOf, shortened } from "./register-body.ts";
import { instanceNow, registerService } from "./registering.ts";
import { agentServiceShown, byMember, instanceChecksShown, nodeChecksShown, selectable } from "./shapes.ts";

export const agentServiceDoors: Doors = {
  "agent/services": { GET: services },
  "agent/service/": { GET: service },
  "agent/service/register": { PUT: register },
  "agent/service/deregister/": byPutOrGet(deregister),
  "agent/service/maintenance/": { PUT: maintainService },
  "agent/maintenance": { PUT: maintainNode },
  "agent/health/service/id/": { GET: healthOfId },
  "agent/health/service/name/": { GET: healthOfName },
};

const now: Consistency = { type: "linearizable" };

async function services(call: Call): Promise<Response> {
  const filter = filterIn(call, selectable.agentService);
  const { instances } = await onNode(call.visit, now, agentNode);
  const shown = instances.map((one) => agentServiceShown(one, call.datacenter)).filter(filter);
  return call.json(byMember(shown, "ID"));
}

/** By `?hash=`, waits for it to be different from what the caller knows. */
async function service(call: Call): Promise<Response> {
  const text = call.name("Missing service ID");
  const id = instanceName(text);
  const unknown = new ConsulError(404, `unknown service ID: ${text.slice(0, 200)}`);
  if (id === null) throw unknown;
  const known = call.parameter("hash") ?? "";
  const { visit } = call;
  const until = visit.now() + waitIn(call).ms;
  for (let how = now; ;) {
    const { result, revision } = await read(
      visit,
      how,
      { type: "instance", node: agentNode, instance: id },
      "instance",
    );
    if (result.instance === null) throw unknown;
    const shown = agentServiceShown(result.instance, call.datacenter);
    const hash = await hashOf(shown);
    const changed = hash === known ? await changeWithin(call, result.ranges, revision, until - visit.now()) : null;
    if (changed === null)
      return call.json({ ...shown, ContentHash: hash }, { headers: { "x-consul-contenthash": hash } });
    how = { type: "session", atLeast: changed };
  }
}

async function hashOf(shown: object): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", utf8(JSON.stringify(shown)));
  return [...new Uint8Array(digest, 0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function register(call: Call): Promise<Response> {
  const sent = serviceOf(await call.members(), "Name", surroundingsOf(call));
  const asked = call.parameter("replace-existing-checks");
  await registerService(call.visit, sent, { replace: asked === "" || asked === "true", set: false });
  return call.empty();
}

async function deregister(call: Call): Promise<Response> {
  const text = call.name("Missing service ID");
  await removeOne(call.visit, await registered(call, text, unknownId(text)));
  return call.empty();
}

const unknownId = (text: string): ConsulError => {
  const hint = "Ensure that the service ID is passed, not the service name.";
  return new ConsulError(404, `Unknown service ID ${JSON.stringify(text.slice(0, 200))}. ${hint}`);
};

/** @throws `unknown` when there is no such service at the agent. */
async function registered({ visit }: Call, text: string, unknown: ConsulError): Promise<InstanceView> {
  const id: InstanceName | null = instanceName(text);
  const found = id === null ? null : await instanceNow(visit, agentNode, id);
  if (found === null) throw unknown;
  return found;
}

// --- maintenance ---

function enableIn(call: Call): boolean {
  const asked = call.parameter("enable") ?? "";
  if (asked === "") throw new ConsulError(400, "Missing value for enable");
  if (["1", "t", "T", "true", "TRUE", "True"].includes(asked)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(asked)) return false;
  throw new ConsulError(400, `Invalid value for enable: ${JSON.stringify(asked.slice(0, 80))}`);
}

const reasonIn = (call: Call, of: string): string => {
  const reason = call.parameter("reason") ?? "";
  const none = `Maintenance mode is enabled for this ${of}, but no reason was provided. This is a default message.`;
  return reason === "" ? none : shortened(reason.toWellFormed());
};

async function maintainService(call: Call): Promise<Response> {
  const text = call.name("Missing service ID");
  const enable = enableIn(call);
  const unknown = new ConsulError(404, `No service registered with ID ${JSON.stringify(text.slice(0, 200))}`);
  const place = await registered(call, text, unknown);
  await setMaintenance(call.visit, place, enable ? reasonIn(call, "service") : null);
  return call.empty();
}

async function maintainNode(call: Call): Promise<Response> {
  const { visit } = call;
  if (enableIn(call)) {
    const state = { status: "critical", output: reasonIn(call, "node") } as const;
    await putNode(visit, agentNode, null, [{ definition: nodeMaintenance, state }]);
  } else await deregisterNodeCheck(visit, agentNode, nodeMaintenanceCheck);
  return call.empty();
}

// --- health ---

const statusCodes: Readonly<Record<CheckStatus, number>> = { passing: 200, warning: 429, critical: 503 };

/** A service that is taken out on purpose is said to be so. */
const wordOf = ({ status, states, nodeStates }: InstanceView): string => {
  const maintained = [...states, ...nodeStates].some(
    ({ definition, status: own }) => own === "critical" && /^_(service|node)_maintenance/.test(definition.check),
  );
  return maintained ? "maintenance" : status;
};

const infoOf = (instance: InstanceView, datacenter: string) => ({
  AggregatedStatus: wordOf(instance),
  Service: agentServiceShown(instance, datacenter),
  Checks: [...nodeChecksShown(instance.node, instance.nodeStates), ...instanceChecksShown(instance)],
});

/** `?format=text`, or a client that accepts nothing else, gets the word alone. */
const wantsText = ({ request, query }: Call): boolean =>
  query.get("format") === "text" || (request.headers.get("accept") ?? "").trim() === "text/plain";

async function healthOfId(call: Call): Promise<Response> {
  const text = call.name("Missing service ID");
  const id = instanceName(text);
  const found = id === null ? null : await instanceNow(call.visit, agentNode, id);
  if (found === null) {
    const why = `ServiceId ${text.slice(0, 200)} not found`;
    if (wantsText(call)) return call.text(why, { status: 404, headers: { "x-consul-reason": asciiOf(why) } });
    return call.json({ AggregatedStatus: "critical", Service: null, Checks: [] }, { status: 404 });
  }
  return healthAnswer(call, [found], infoOf(found, call.datacenter));
}

async function healthOfName(call: Call): Promise<Response> {
  const text = call.name("Missing service Name");
  const name = serviceName(text);
  const found = name === null ? null : await instancesOf(call.visit, now, name);
  const own = (found?.instances ?? []).filter(({ node }) => sameNode(node, agentNode));
  if (own.length === 0) {
    const why = `ServiceName ${text.slice(0, 200)} Not Found`;
    if (wantsText(call)) return call.text(why, { status: 404, headers: { "x-consul-reason": asciiOf(why) } });
    return call.json([], { status: 404 });
  }
  const infos = own.map((one) => infoOf(one, call.datacenter));
  return healthAnswer(call, own, infos);
}

const asciiOf = (text: string): string => text.replaceAll(/[^\u0020-\u007e]/g, "?");

/** Of several, the worst. */
function healthAnswer(call: Call, all: readonly InstanceView[], infos: unknown): Response {
  const [worst] = all.toSorted((a, b) => statusCodes[b.status] - statusCodes[a.status]);
  const status = worst === undefined ? 404 : statusCodes[worst.status];
  const word = worst === undefined ? "" : wordOf(worst);
  const headers = { "x-consul-reason": word };
  return wantsText(call) ? call.text(word, { status, headers }) : call.json(infos, { status, headers });
}
