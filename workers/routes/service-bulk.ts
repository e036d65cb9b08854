/**
 * `POST /services`: up to a thousand instances registered, renewed and removed in one request, which is one message to a
 * replica and normally one slot of the log. Each by itself: no transaction. What is not understood is refused as a whole.
 */
import type { Context } from "hono";
import * as v from "valibot";
import { utf8 } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import type { InstancePlace } from "../../src/registry/model.ts";
import { jsonBodyOf } from "../gateway/bodies.ts";
import { refuseConditions } from "../gateway/conditions.ts";
import { guardIn } from "../gateway/guards.ts";
import { idempotencyKey, partIdentity, refuseOrder } from "../gateway/identity.ts";
import { invalid } from "../gateway/members.ts";
import { instanceIn, serviceIn } from "../gateway/names.ts";
import { Problem, problemDocument } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import { carryOutAll, existed } from "../gateway/registry.ts";
import type { Result, Task } from "../gateway/registry.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import type { Visit } from "../gateway/visit.ts";
import { instanceMembers, placeOf, registrationOf } from "./service-bodies.ts";

const placeMembers = { service: v.string(), instance: v.string() };
const placeSchema = v.strictObject(placeMembers);
const registerSchema = v.strictObject({ ...placeMembers, ...instanceMembers });
const kinds = ["register", "renew", "deregister"] as const;
const bodySchema = v.pipe(
  v.strictObject({
    register: v.optional(v.array(registerSchema), []),
    renew: v.optional(v.array(placeSchema), []),
    deregister: v.optional(v.array(placeSchema), []),
  }),
  v.check(
    (body) => isBetween(kinds.reduce((sum, kind) => sum + body[kind].length, 0)),
    `takes 1 to ${limits.batchOperations} instances in all, under ${kinds.join(", ")}`,
  ),
);
type Body = v.InferOutput<typeof bodySchema>;

const isBetween = (count: number): boolean => count >= 1 && count <= limits.batchOperations;

export async function carryOutBulk(context: Context<GatewayEnv>): Promise<Response> {
  const { req, var: doors } = context;
  const { visit } = doors;
  const { headers } = req.raw;
  new Query(req.url, []);
  refuseConditions(headers);
  refuseOrder(headers);
  const guard = guardIn(headers);
  const key = idempotencyKey(headers);
  const { value } = await jsonBodyOf(req.raw, bodySchema, limits.operationsBodyBytes);
  const asked = tasksIn(visit, value);
  const identify = async (index: number) => {
    const { task = null, at = "", said = null } = asked[index] ?? {};
    const path = task === null ? at : pathOf(placeIn(task));
    const body = utf8(JSON.stringify(said));
    const held = guard === null ? {} : { guard };
    return partIdentity(key, visit.random, index, { method: "POST", path, condition: kindOf(task), body, ...held });
  };
  const results = await carryOutAll(
    visit,
    asked.map(({ task }) => task),
    { guard, identify },
  );
  const shown = results.map((result, index) => shownResult(asked[index]?.task ?? null, result));
  const ends = [0, value.register.length, value.register.length + value.renew.length, shown.length];
  const answer = Object.fromEntries(
    kinds.map((kind, index) => [kind, shown.slice(ends[index] ?? 0, ends[index + 1] ?? 0)]),
  );
  return context.json(answer, 200, { "cache-control": "no-store" });
}

interface Asked {
  readonly task: Task;
  /** Its place in the body. */
  readonly at: string;
  /** What was said of it: what makes it another. */
  readonly said: object;
}

const kindOf = (task: Task | null): string => task?.type ?? "";

const placeIn = (task: Task): InstancePlace => (task.type === "register" ? task.registration.place : task.place);

const pathOf = ({ service, instance }: InstancePlace): string => `/services/${service}/${instance}`;

/** @throws {Problem} when any of them is not well formed, or two are of the same instance. */
function tasksIn(visit: Visit, body: Body): readonly Asked[] {
  const registered = body.register.map(({ service, instance, ...said }, index): Asked => {
    const at = `register.${index}`;
    const registration = registrationOf(visit, named(service, instance, at), said, at);
    return { task: { type: "register", registration }, at, said };
  });
  const others = (["renew", "deregister"] as const).flatMap((type) =>
    body[type].map((said, index): Asked => {
      const at = `${type}.${index}`;
      return { task: { type, place: named(said.service, said.instance, at) }, at, said };
    }),
  );
  const asked = [...registered, ...others];
  const seen = new Set<string>();
  for (const { task, at } of asked) {
    const { instance } = placeIn(task);
    if (seen.has(instance)) throw invalid(at, `the instance ${instance} stands twice`);
    seen.add(instance);
  }
  return asked;
}

function named(service: string, instance: string, at: string): InstancePlace {
  try {
    return placeOf(serviceIn(encodeURIComponent(service)), instanceIn(encodeURIComponent(instance)));
  } catch (error) {
    throw error instanceof Problem ? new Problem(error.code, `${at}: ${error.message}`) : error;
  }
}

/** As the single door would have answered: a status, and what came of it or its problem. */
function shownResult(task: Task | null, result: Result): object {
  const place = task === null ? {} : { service: placeIn(task).service, instance: placeIn(task).instance };
  if (result.type === "problem") {
    const problem = problemDocument(result.problem, "POST");
    return { ...place, status: problem.status, problem };
  }
  const { outcome } = result;
  switch (outcome.type) {
    case "put": {
      const { revision, version, renewedOnly } = outcome;
      return { ...place, status: version === 1 && !renewedOnly ? 201 : 200, revision, renewed: renewedOnly };
    }
    case "renewed":
      return { ...place, status: 200, ttl: outcome.ttlMs / 1000 };
    default:
      return { ...place, status: 200, deleted: existed(outcome), revision: result.revision };
  }
}
