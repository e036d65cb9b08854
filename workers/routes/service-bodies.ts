/**
 * What clients say of instances and checks, as registrations. Members are counted here, strictly; what each may hold is the
 * registry's to say. Seconds outside, as DNS and Consul count; milliseconds inside. Used by the doors under `/services`.
 */
import * as v from "valibot";
import { checkState } from "../../src/registry/checks.ts";
import { agentNode, ownCheck } from "../../src/registry/keys.ts";
import type { CheckState, InstanceName, InstancePlace, Registration, ServiceName } from "../../src/registry/model.ts";
import { instanceRecord } from "../../src/registry/records.ts";
import { isRejected } from "../../src/registry/shapes.ts";
import { invalid } from "../gateway/members.ts";
import type { Visit } from "../gateway/visit.ts";

/** On what all native instances stand. */
export const placeOf = (service: ServiceName, instance: InstanceName): InstancePlace => ({
  service,
  node: agentNode,
  instance,
});

const checkCommon = {
  id: v.optional(v.string()),
  name: v.optional(v.unknown()),
  notes: v.optional(v.unknown(), ""),
  deregisterAfter: v.optional(v.number()),
  status: v.optional(v.unknown()),
  output: v.optional(v.unknown()),
};
const active = {
  interval: v.number(),
  timeout: v.optional(v.number()),
  successBeforePassing: v.optional(v.unknown(), 0),
  failuresBeforeCritical: v.optional(v.unknown(), 0),
};
const checkSchema = v.variant(
  "kind",
  [
    v.strictObject({ kind: v.literal("ttl"), ...checkCommon, ttl: v.number() }),
    v.strictObject({
      kind: v.literal("http"),
      ...checkCommon,
      ...active,
      url: v.unknown(),
      method: v.optional(v.unknown(), "GET"),
      headers: v.optional(v.unknown(), {}),
      body: v.optional(v.unknown(), ""),
    }),
    v.strictObject({ kind: v.literal("tcp"), ...checkCommon, ...active, host: v.unknown(), port: v.unknown() }),
    v.strictObject({
      kind: v.literal("alias"),
      ...checkCommon,
      node: v.optional(v.unknown(), agentNode),
      instance: v.optional(v.unknown(), null),
    }),
    v.strictObject({ kind: v.literal("plain"), ...checkCommon }),
  ],
  "a check's kind must be one of ttl, http, tcp, alias, plain",
);
type CheckBody = v.InferOutput<typeof checkSchema>;

export const instanceMembers = {
  address: v.unknown(),
  port: v.unknown(),
  protocol: v.optional(v.unknown(), "tcp"),
  tags: v.optional(v.unknown(), []),
  meta: v.optional(v.unknown(), {}),
  weights: v.optional(v.unknown(), { passing: 1, warning: 1 }),
  ttl: v.optional(v.number()),
  region: v.optional(v.unknown()),
  checks: v.optional(v.array(checkSchema), []),
};
export const instanceSchema = v.strictObject(instanceMembers);
type InstanceBody = v.InferOutput<typeof instanceSchema>;

/** Fractions down to the millisecond. What is no number of seconds is no whole number of ms either. */
const ms = (seconds: number): number => Math.round(seconds * 1000);

/** An active check that names no timeout waits this long, or as long as its interval. */
const usualTimeout = 10;

/** @param at the member's place in the body; "" for the body itself. @throws {Problem} */
export function registrationOf(visit: Visit, place: InstancePlace, body: InstanceBody, at = ""): Registration {
  const { ttl, region = visit.regions[0], checks, ...rest } = body;
  const where = at === "" ? "the body" : at;
  if (ttl === undefined && checks.length === 0) {
    throw invalid(where, "ttl is needed where there are no checks: seconds to live without renewing");
  }
  if (rest.address === "") throw invalid(where, "address must be an IP address or a host's name (RFC 1123)");
  if (Array.isArray(rest.tags) && new Set(rest.tags).size < rest.tags.length)
    throw invalid(where, "a tag stands twice");
  const record = instanceRecord({
    ...rest,
    region,
    ttlMs: ttl === undefined ? null : ms(ttl),
    checks: checks.map((one, index) => definitionOf(place, one, index + 1, checks.length)),
    taggedAddresses: {},
    enableTagOverride: false,
  });
  if (isRejected(record)) throw invalid(where, record.reason);
  const initial: Record<string, CheckState> = Object.create(null) as Record<string, CheckState>;
  for (const [index, check] of record.checks.entries()) {
    const said = initialOf(checks[index], where);
    if (said !== null) initial[check.check] = said;
  }
  return { place, record, initial, indexed: false };
}

/** As the registry knows it; what it may hold is not looked at yet. */
function definitionOf({ instance }: InstancePlace, body: CheckBody, number: number, of: number): object {
  const { id, name, deregisterAfter, status: _, output: __, ...rest } = body;
  const check = id ?? ownCheck(instance, number, of);
  const deregisterAfterMs = deregisterAfter === undefined ? null : ms(deregisterAfter);
  const common = { check, name: name ?? check, deregisterAfterMs };
  if (rest.kind === "ttl") {
    const { ttl, ...others } = rest;
    return { ...others, ...common, ttlMs: ms(ttl) };
  }
  if (rest.kind !== "http" && rest.kind !== "tcp") return { ...rest, ...common };
  const { interval, timeout = Math.min(interval, usualTimeout), ...others } = rest;
  return { ...others, ...common, intervalMs: ms(interval), timeoutMs: ms(timeout) };
}

function initialOf(body: CheckBody | undefined, at: string): CheckState | null {
  if (body === undefined || (body.status === undefined && body.output === undefined)) return null;
  if (body.kind === "alias") throw invalid(at, "an alias has no status of its own");
  const state = checkState({ status: body.status ?? "critical", output: body.output ?? "" });
  if (isRejected(state)) throw invalid(at, state.reason);
  return state;
}

export const stateSchema = v.strictObject({ status: v.unknown(), output: v.optional(v.unknown(), "") });

/** @throws {Problem} */
export function stateOf(body: v.InferOutput<typeof stateSchema>): CheckState {
  const state = checkState(body);
  if (isRejected(state)) throw invalid("the body", state.reason);
  return state;
}
