/**
 * A namespace's acceptors, as the gateway knows them: looked up, or founded at the first write, and remembered. Sends
 * them protocol messages addressed as SPEC F3-F5 demand. Never founds for a read (F6).
 */
import { limits } from "../../src/support/limits.ts";
import { startFounding, stepFounding } from "../../src/paxos/founding.ts";
import type { Founding, FoundingResult, FoundingStep } from "../../src/paxos/founding.ts";
import { incarnationOf, setDigest } from "../../src/paxos/membership.ts";
import type {
  AcceptorReply,
  AcceptorRequest,
  FoundingRequest,
  Identity,
  ProtocolReply,
  ProtocolRequest,
} from "../../src/paxos/messages.ts";
import { decodeAcceptorReply, encodeAcceptorRequest } from "../../src/wire/acceptor-codec.ts";
import type { KnownSet } from "./memory.ts";
import { Problem } from "./problems.ts";
import type { Visit } from "./visit.ts";

const nameOf = ({ config, namespace }: Visit): string => `${config.cluster}/${namespace}`;

/**
 * @param mode `found` for writes, `look` for reads.
 * @returns null when nothing was ever written in this namespace.
 * @throws {Problem} when that cannot be found out.
 */
export async function knownSet(visit: Visit, mode: Founding["mode"], until: number): Promise<KnownSet | null> {
  const known = visit.memory.sets.get(nameOf(visit));
  if (known !== null && !known.stale) return known;
  const result = await search(visit, mode, until);
  if (result.type === "unfounded") return null;
  if (result.type !== "founded") throw refusal(result, mode);
  const { members } = result;
  const same = known !== null && setDigest(known.members) === setDigest(members);
  // F5: what was seen of an acceptor must not be forgotten as long as it is the same one.
  const set = { members, seen: same ? known.seen : new Map<string, number>(), stale: false };
  visit.memory.sets.set(nameOf(visit), set);
  return set;
}

async function search(visit: Visit, mode: Founding["mode"], until: number): Promise<FoundingResult> {
  const { promise, resolve, reject } = Promise.withResolvers<FoundingResult>();
  let state: Founding | null = null;
  const follow = (step: FoundingStep): void => {
    const round = step.send.length > 0 ? step.state.round : (state?.round ?? "identify");
    state = step.state;
    for (const { to, body } of step.send)
      void askIdentity(visit, to, body, until).then(answered(to, round)).catch(reject);
    if (step.result !== null) resolve(step.result);
  };
  /** An answer to an earlier round says nothing about this one. */
  const answered = (region: string, round: Founding["round"]) => (identity: Identity | null) => {
    if (state !== null && state.round === round) follow(stepFounding(state, region, identity));
  };
  follow(startFounding(mode, visit.config.cluster, visit.config.regions));
  return promise;
}

async function askIdentity(
  visit: Visit,
  region: string,
  body: FoundingRequest,
  until: number,
): Promise<Identity | null> {
  const reply = await call(visit, region, { type: "founding", namespace: visit.namespace, region, body }, until);
  return reply?.type === "identity" ? reply.identity : null;
}

async function call(
  visit: Visit,
  region: string,
  request: AcceptorRequest,
  until: number,
): Promise<AcceptorReply | null> {
  const timeoutMs = Math.min(limits.callMs, until - visit.now());
  if (timeoutMs <= 0) return null;
  const text = await visit.transport.call("acceptor", visit.address(region), encodeAcceptorRequest(request), timeoutMs);
  const decoded = text === null ? null : decodeAcceptorReply(text);
  return decoded?.ok === true ? decoded.body : null;
}

/**
 * One protocol message to one member of the set.
 * @returns null when it did not answer in time, or refused to take part.
 */
export async function askAcceptor(
  visit: Visit,
  set: KnownSet,
  region: string,
  body: ProtocolRequest,
  until: number,
): Promise<ProtocolReply | null> {
  const { members, seen } = set;
  const incarnation = incarnationOf(members, region);
  if (incarnation === null) return null;
  const address = { ...visit.address(region), set: setDigest(members), incarnation, seen: seen.get(region) ?? 0 };
  const reply = await call(visit, region, { type: "protocol", address, body }, until);
  if (reply?.type === "protocol") {
    seen.set(region, Math.max(reply.counter, seen.get(region) ?? 0));
    return reply.body;
  }
  if (reply?.type === "not-member" && reply.why !== "retired") set.stale = true;
  return null;
}

function refusal(result: Exclude<FoundingResult, { type: "founded" | "unfounded" }>, mode: Founding["mode"]): Problem {
  switch (result.type) {
    case "unreachable": {
      const detail = `these acceptors did not answer: ${result.regions.join(", ")}`;
      return new Problem(mode === "found" ? "founding-incomplete" : "no-quorum", detail, { outcome: "not-applied" });
    }
    case "wrong-regions":
      return new Problem("wrong-regions", `the namespace was founded with acceptors in ${result.founded.join(", ")}`);
    case "conflict":
      return new Problem(
        "founding-conflict",
        `the acceptor in ${result.region} is not the one the founding began with`,
      );
  }
}
