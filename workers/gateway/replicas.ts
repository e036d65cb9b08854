/**
 * Asking the replicas: the nearest first, and the next one when it is dead, hangs or cannot help. Every attempt carries the
 * same request id, so a write that several of them take up is still carried out once (SPEC X1). One that hangs is not
 * abandoned but joined: whoever answers first wins.
 */
import { limits } from "../../src/support/limits.ts";
import type { ClientReply, ClientRequest, Failure } from "../../src/replica/messages.ts";
import { askTogether } from "./coalescing.ts";
import { Problem } from "./problems.ts";
import type { Visit } from "./visit.ts";

type Failed = Extract<ClientReply, { type: "failed" }>;
type Settled = { readonly region: string; readonly reply: ClientReply | null };

/** An answer that is one, and who gave it. */
export interface Answer {
  readonly region: string;
  readonly reply: Exclude<ClientReply, Failed>;
  /** Another replica was given the same request before, and nobody knows what it made of it. */
  readonly inDoubt: boolean;
}

/** Another replica would say the same, or (when overloaded) only be given the load on top of its own. */
const final: readonly Failure[] = [
  "revision-in-future",
  "wrong-regions",
  "founding-conflict",
  "founding-incomplete",
  "overloaded",
  "deadline-passed",
  "too-large",
];

export const isFinal = (failure: Failure): boolean => final.includes(failure);

/**
 * @param latest when the caller is to be answered; without it, and at most, as late as any request.
 * @throws {Problem} when no replica could help in time.
 */
export async function askReplicas(visit: Visit, request: ClientRequest, latest = Infinity): Promise<Answer> {
  // Waiting for something to happen is no silence.
  const waitMs = request.type === "watch" ? request.waitMs : 0;
  const until = Math.min(latest, visit.now() + waitMs + limits.gatewayMs);
  const waiting = inOrder(visit);
  const asked = new Map<string, Promise<Settled>>();
  const failures: Failed[] = [];
  let inDoubt = false;
  const askNext = (): void => {
    const region = waiting.shift();
    const left = until - visit.now();
    if (region !== undefined && left > 0) asked.set(region, ask(visit, region, request, left));
  };
  askNext();
  for (let patience = waitMs + firstPatience(request); asked.size > 0; patience = limits.hedgeAgainMs) {
    const left = until - visit.now();
    const settled = await firstOf(visit, asked.values(), waiting.length === 0 ? left : Math.min(patience, left));
    if (settled === null) {
      // Asked last for a while, not given up: it may only be slow.
      for (const region of asked.keys()) avoid(visit, region);
      askNext();
      if (visit.now() < until) continue;
      inDoubt = true;
      break;
    }
    const { region, reply } = settled;
    asked.delete(region);
    if (reply !== null && reply.type !== "failed") return { region, reply, inDoubt: inDoubt || asked.size > 0 };
    if (reply === null) avoid(visit, region);
    else failures.push(reply);
    inDoubt ||= reply === null || reply.outcome === "unknown";
    if (reply !== null && isFinal(reply.failure)) {
      inDoubt ||= asked.size > 0;
      break;
    }
    askNext();
  }
  throw problemOf(failures, inDoubt);
}

/** Nearest first, but the ones that did not answer lately last. */
function inOrder(visit: Visit): string[] {
  if (visit.memory.unreachable.size === 0) return [...visit.regions];
  const now = visit.now();
  const isAvoided = (region: string): boolean => (visit.memory.unreachable.get(nameOf(visit, region)) ?? 0) > now;
  return visit.regions.toSorted((a, b) => Number(isAvoided(a)) - Number(isAvoided(b)));
}

const nameOf = ({ namespace }: Visit, region: string): string => `${namespace}/${region}`;

function avoid(visit: Visit, region: string): void {
  visit.memory.unreachable.set(nameOf(visit, region), visit.now() + limits.unreachableMs);
  visit.memory.counters.replicasGivenUp += 1;
}

async function ask(visit: Visit, region: string, request: ClientRequest, timeoutMs: number): Promise<Settled> {
  return { region, reply: await askTogether(visit, region, request, timeoutMs) };
}

const firstPatience = (request: ClientRequest): number =>
  request.type === "read" && request.consistency.type === "local" ? limits.localHedgeMs : limits.hedgeMs;

/** The first to settle, or null after `patienceMs`. */
const firstOf = async (visit: Visit, asked: Iterable<Promise<Settled>>, patienceMs: number): Promise<Settled | null> =>
  new Promise((resolve, reject) => {
    const cancel = visit.after(patienceMs, () => resolve(null));
    const settle = (settled: Settled): void => {
      cancel();
      resolve(settled);
    };
    const fail = (error: unknown): void => {
      cancel();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    for (const one of asked) one.then(settle, fail);
  });

/** What was said last weighs most: a replica that knows why beats one that never answered. */
function problemOf(failures: readonly Failed[], inDoubt: boolean): Problem {
  const outcome = inDoubt ? "unknown" : "not-applied";
  const last = failures.at(-1);
  if (last === undefined) return new Problem("no-quorum", "no replica answered in time", { outcome });
  return new Problem(last.failure, last.detail, { outcome });
}
