/**
 * `/v1/session/...`. A session is a record under a lease that lives twice its TTL; keys that it holds go, or are released,
 * with that lease. A second lease, which outlives the first by the lock-delay, carries the markers that keep its keys
 * from others meanwhile.
 */
import { limits } from "../../src/support/limits.ts";
import type { Operation } from "../../src/store/command.ts";
import { allOf } from "../../src/store/ranges.ts";
import type { KeyRange } from "../../src/store/transaction.ts";
import { agentNode } from "../../src/registry/keys.ts";
import { freshIdentity } from "../gateway/identity.ts";
import { Problem } from "../gateway/problems.ts";
import type { Visit } from "../gateway/visit.ts";
import { writeAs } from "../gateway/writes.ts";
import type { Call, Doors } from "./call.ts";
import { durationOf } from "./durations.ts";
import { ConsulError } from "./errors.ts";
import type { Members } from "./json.ts";
import { blocking } from "./reading.ts";
import { delayLifeMs, delayMs, encodeSession, isUuid, lifeMs, sessionOf, shownSession } from "./sessions.ts";
import type { Session, SessionRecord } from "./sessions.ts";
import { lastChanges, snapshotOf } from "./snapshot.ts";
import { alone, delayKey, delayLease, sessionKey, sessionLease, sessionsRange } from "./space.ts";

export const sessionDoors: Doors = {
  "session/create": { PUT: create },
  "session/destroy/": { PUT: destroy },
  "session/renew/": { PUT: renew },
  "session/info/": { GET: info },
  "session/node/": { GET: ofNode },
  "session/list": { GET: async (call) => list(call, sessionsRange) },
};

/** Nanoseconds; numbers below this are seconds. */
const leastNanoseconds = 1000n;
const defaultDelay = 15_000_000_000n;

// --- create ---

async function create(call: Call): Promise<Response> {
  const record = recordIn(await call.members());
  const id = crypto.randomUUID();
  const { visit } = call;
  // The markers' lease first: a session must not be there without it.
  if (delayMs(record) > 0) await carry(visit, keepDelay(id, delayLifeMs(record)), "put");
  const lease = { id: sessionLease(id), ttlMs: lifeMs(record) };
  const condition = { type: "always" } as const;
  await carry(visit, { type: "put", key: sessionKey(id), value: encodeSession(record), condition, lease }, "put");
  return call.json({ ID: id });
}

const noBytes = new Uint8Array(0);

/** Makes the lease of the markers live for so long from now. @param session must still be there; null: it is not yet. */
function keepDelay(id: string, ttlMs: number, session: { readonly renew: boolean } | null = null): Operation {
  return {
    type: "put",
    key: delayKey(id),
    value: noBytes,
    condition: { type: "always" },
    lease: { id: delayLease(id), ttlMs },
    keepIfEqual: true,
    ...(session === null ? {} : { needs: { lease: sessionLease(id), renew: session.renew } }),
  };
}

type Written = "put" | "renewed" | "revoked";

async function carry(visit: Visit, operation: Operation, type: Written): Promise<void> {
  await writeAs(visit, { identity: freshIdentity(visit.random), guard: null, operation }, type);
}

/** @returns false when there is no such lease. */
async function carryIfThere(visit: Visit, operation: Operation, type: Written): Promise<boolean> {
  try {
    await carry(visit, operation, type);
    return true;
  } catch (error) {
    if (error instanceof Problem && error.code === "lease-not-found") return false;
    throw error;
  }
}

function recordIn(from: Members): SessionRecord {
  const [name, node] = [from.text("Name") ?? "", from.text("Node") ?? ""];
  const lockDelay = lockDelayIn(from);
  const [ttl, behavior] = [from.text("TTL") ?? "", from.text("Behavior") ?? ""];
  const checks = [
    ...(from.texts("NodeChecks") ?? from.texts("Checks") ?? ["serfHealth"]),
    ...(from.texts("Checks") ?? []),
  ];
  const serviceChecks = from.list("ServiceChecks") ?? [];
  from.ignore("ID", "CreateIndex", "ModifyIndex", "Namespace", "Partition");
  from.end();
  if (name.length > limits.ownerCharacters) throw from.fail("Name", `more than ${limits.ownerCharacters} characters`);
  checkTtl(ttl);
  if (node !== "" && node.toLowerCase() !== agentNode) {
    throw new ConsulError(
      500,
      `Missing node registration: sessions stand on the node ${JSON.stringify(agentNode)} here`,
    );
  }
  if (behavior !== "" && behavior !== "release" && behavior !== "delete") {
    throw new ConsulError(500, `Invalid Behavior setting '${behavior.slice(0, 80)}'`);
  }
  if (serviceChecks.length > 0 || checks.some((check) => check !== "serfHealth")) {
    throw new ConsulError(
      501,
      "Synod ties sessions to no health checks but serfHealth: give the session a TTL, and renew it while the check passes",
    );
  }
  return {
    name,
    node: agentNode,
    lockDelay: String(lockDelay),
    behavior: behavior === "" ? "release" : behavior,
    ttl,
    checks: [...new Set(checks)],
  };
}

function lockDelayIn(from: Members): bigint {
  const asked = from.value("LockDelay");
  const delay = from.duration("LockDelay");
  if (delay === undefined) return defaultDelay;
  if (delay < 0n) throw from.fail("LockDelay", "must not be negative");
  return typeof asked !== "string" && delay < leastNanoseconds ? delay * 1_000_000_000n : delay;
}

function checkTtl(ttl: string): void {
  if (ttl === "") return;
  const read = durationOf(ttl);
  if (read === null) {
    const shown = JSON.stringify(ttl.slice(0, 80));
    throw new ConsulError(500, `Session TTL '${ttl.slice(0, 80)}' invalid: time: invalid duration ${shown}`);
  }
  const [least, most] = [limits.consulSessionSecondsMin, limits.consulSessionSecondsMax].map(
    (seconds) => BigInt(seconds) * 1_000_000_000n,
  );
  if (read === 0n || (least !== undefined && most !== undefined && read >= least && read <= most)) return;
  throw new ConsulError(500, `Invalid Session TTL '${read}', must be between [10s=24h0m0s]`);
}

// --- renew, destroy ---

function idIn(call: Call): string {
  const id = call.name("Missing session");
  if (isUuid(id)) return id.toLowerCase();
  throw new ConsulError(500, "failed session lookup: index error: UUID must be 36 characters");
}

async function sessionNow(visit: Visit, id: string): Promise<Session | null> {
  const { ranges } = await snapshotOf(visit, { type: "linearizable" }, [allOf(alone(sessionKey(id)))]);
  const [entry] = ranges[0] ?? [];
  return entry === undefined ? null : sessionOf(entry);
}

async function renew(call: Call): Promise<Response> {
  const id = idIn(call);
  const { visit } = call;
  const session = await sessionNow(visit, id);
  if (session !== null && (await renewed(visit, session))) return call.json([shownSession(session)]);
  throw new ConsulError(404, `Session id '${id}' not found`);
}

async function renewed(visit: Visit, session: Session): Promise<boolean> {
  const { id } = session;
  if (delayMs(session) === 0) return carryIfThere(visit, { type: "renew", lease: sessionLease(id) }, "renewed");
  return carryIfThere(visit, keepDelay(id, delayLifeMs(session), { renew: true }), "put");
}

async function destroy(call: Call): Promise<Response> {
  const id = idIn(call);
  const { visit } = call;
  const session = await sessionNow(visit, id);
  if (session === null) return call.json(true);
  const delay = delayMs(session);
  // From now on the markers live for the lock-delay only.
  if (delay > 0) await carryIfThere(visit, keepDelay(id, delay, { renew: false }), "put");
  await carryIfThere(visit, { type: "revoke", lease: sessionLease(id) }, "revoked");
  return call.json(true);
}

// --- reading ---

async function info(call: Call): Promise<Response> {
  return list(call, alone(sessionKey(idIn(call))));
}

async function ofNode(call: Call): Promise<Response> {
  const node = call.name("Missing node name");
  return list(call, sessionsRange, node.toLowerCase() === agentNode);
}

async function list(call: Call, range: KeyRange, any = true): Promise<Response> {
  const { visit } = call;
  return blocking(call, [range], async (consistency) => {
    const { ranges, revision, headers } = await snapshotOf(visit, consistency, [allOf(range)]);
    const [index = 0] = await lastChanges(visit, [range], revision);
    const sessions = (ranges[0] ?? []).map(sessionOf).filter((session) => session !== null);
    const newest = Math.max(index, ...sessions.map(({ modifyIndex }) => modifyIndex));
    return { index: newest, revision, headers, body: any ? sessions.map(shownSession) : [] };
  });
}
