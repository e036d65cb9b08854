/** `/v1/agent/check...`: checks of the agent's services and of its node, and what they say. */
import { agentNode, checkName, instanceName } from "../../src/registry/keys.ts";
import { checkStatuses } from "../../src/registry/checks.ts";
import type { CheckStatus, InstanceName } from "../../src/registry/model.ts";
import { Problem } from "../gateway/problems.ts";
import { putNode, setCheck } from "../gateway/registry.ts";
import type { Call, Doors, Handler } from "./call.ts";
import { removeCheckOf } from "./catalog-register.ts";
import { ConsulError } from "./errors.ts";
import { filterIn, onNode } from "./finding.ts";
import type { Members } from "./json.ts";
import { byPutOrGet } from "./lenient-get.ts";
import { checkOf, stateOf } from "./register-body.ts";
import { putCheck } from "./registering.ts";
import { byMember, checkShown, instanceChecksShown, selectable } from "./shapes.ts";

const says =
  (status: CheckStatus): Handler =>
  async (call) =>
    set(call, status, call.parameter("note") ?? "");

export const agentCheckDoors: Doors = {
  "agent/checks": { GET: checks },
  "agent/check/register": { PUT: register },
  "agent/check/deregister/": byPutOrGet(deregister),
  "agent/check/pass/": byPutOrGet(says("passing")),
  "agent/check/warn/": byPutOrGet(says("warning")),
  "agent/check/fail/": byPutOrGet(says("critical")),
  "agent/check/update/": { PUT: update },
};

async function checks(call: Call): Promise<Response> {
  const filter = filterIn(call, selectable.check);
  const { instances, checks: own } = await onNode(call.visit, { type: "linearizable" }, agentNode);
  const ofNode = own.map((view) => checkShown({ node: agentNode, service: null, instance: null, tags: [], view }));
  const shown = [...ofNode, ...instances.flatMap(instanceChecksShown)].filter(filter);
  return call.json(byMember(shown, "CheckID"));
}

async function register(call: Call): Promise<Response> {
  const from = await call.members();
  const instance = serviceIdIn(from);
  const name = from.text("Name") ?? "";
  if (name === "") throw new ConsulError(400, "Missing check name");
  const check = checkOf(from, { node: agentNode, instance, id: null, name });
  from.ignore("ServiceName", "ServiceTags", "Node", "Definition", "Type", "CreateIndex", "ModifyIndex");
  from.end();
  if (instance === null) await putNode(call.visit, agentNode, null, [check]);
  else if (!(await putCheck(call.visit, agentNode, instance, check))) {
    throw new ConsulError(500, `ServiceID ${JSON.stringify(instance)} does not exist`);
  }
  return call.empty();
}

function serviceIdIn(from: Members): InstanceName | null {
  const text = from.text("ServiceID") ?? "";
  if (text === "") return null;
  const instance = instanceName(text);
  if (instance !== null) return instance;
  throw new ConsulError(400, `Invalid ServiceID ${JSON.stringify(text.slice(0, 80))}`);
}

const missing = "Missing check ID";

async function deregister(call: Call): Promise<Response> {
  const text = call.name(missing);
  if (!(await removeCheckOf(call.visit, agentNode, checkName(text)))) throw unknownCheck(text);
  return call.empty();
}

const unknownCheck = (text: string): ConsulError => {
  const hint = "Ensure that the check ID is passed, not the check name.";
  return new ConsulError(404, `Unknown check ID ${JSON.stringify(text.slice(0, 200))}. ${hint}`);
};

async function update(call: Call): Promise<Response> {
  const from = await call.members();
  const [text, output] = [from.text("Status") ?? "", from.text("Output") ?? ""];
  from.end();
  const status = checkStatuses.find((one) => one === text);
  if (status === undefined) throw new ConsulError(400, `Invalid check status: '${text.slice(0, 80)}'`);
  return set(call, status, output);
}

/** Only checks with a TTL are set by who owns them: the others are looked after, or say what others do. */
async function set(call: Call, status: CheckStatus, output: string): Promise<Response> {
  const text = call.name(missing);
  const check = checkName(text);
  if (check === null) throw unknownCheck(text);
  const state = stateOf(status, output.toWellFormed());
  try {
    await setCheck(call.visit, { node: agentNode, check }, state, undefined, ["ttl"]);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code === "check-not-found" || error.code === "instance-not-found") throw unknownCheck(text);
    if (error.code !== "check-not-settable") throw error;
    throw new ConsulError(500, `CheckID ${JSON.stringify(text.slice(0, 200))} does not have associated TTL`);
  }
  return call.empty();
}
