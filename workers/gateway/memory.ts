/**
 * What one isolate of the gateway remembers between requests. Nothing in it is needed for safety: an empty memory costs
 * round trips only. Everything in it is bounded.
 */
import { limits } from "../../src/support/limits.ts";
import type { Members } from "../../src/paxos/membership.ts";
import type { Lane } from "./coalescing.ts";
import type { Decided } from "./decision-value.ts";
import { Lru } from "./lru.ts";
import type { Question } from "./shared-questions.ts";
import type { Happenings } from "./watching.ts";
import type { Bucket } from "../time/budget.ts";

/** A founded set of acceptors, and how far each was seen to have counted (SPEC F5). */
export interface KnownSet {
  readonly members: Members;
  readonly seen: Map<string, number>;
  /** An acceptor says it is another set: look again before the next use. */
  stale: boolean;
}

export class Memory {
  /** By cluster and namespace. */
  readonly sets = new Lru<KnownSet>(limits.rememberedObjects);
  /** By cluster, set, namespace and id. */
  readonly decisions = new Lru<Decided>(limits.cachedDecisions, limits.cachedDecisionBytes);
  /** Until when a replica is asked last, by namespace and region. */
  readonly unreachable = new Lru<number>(limits.rememberedObjects);
  /** Requests that travel together, by kind, namespace and region. */
  readonly lanes = new Lru<Lane>(limits.rememberedObjects);
  /** What watchers wait for together, by namespace and what they follow; weighed by the length of that name. */
  readonly questions = new Lru<Question>(limits.rememberedObjects, limits.sharedAnswerBytes);
  /** Until when the next such question is not asked. */
  readonly rests = new Lru<number>(limits.rememberedObjects, limits.sharedAnswerBytes);
  /** What they were told lately, by place, namespace and what they follow. */
  readonly answers = new Lru<Happenings>(limits.sharedAnswers, limits.sharedAnswerBytes);
  /** Whose turn it is in a service, by namespace and service: lookups in turns go on from there. */
  readonly turns = new Lru<number>(limits.rememberedObjects);
  /** Until when a replica is not asked again whether it is up to date, by namespace. */
  readonly confirming = new Lru<number>(limits.rememberedObjects);
  /** What each address may still ask for the time. */
  readonly timeBudgets = new Lru<Bucket>(limits.rememberedObjects);
  /** Until when this gateway's own clock is not to be trusted, and open sockets for the time. */
  readonly time = { doubtedUntil: 0, sockets: 0 };
  /** Pipelines that stand. */
  readonly pipelines = { open: 0 };
  /** Of this isolate, since it started. */
  readonly counters = { decisionCacheHits: 0, decisionCacheMisses: 0, replicasGivenUp: 0 };
}

/** The one memory of this isolate. */
export const isolateMemory = new Memory();
