/** What every checker is: it watches a run, or judges its history in the end, and throws an error that names the rule. */
import type { Deciders } from "../actors/deciders.ts";
import type { Desk } from "../actors/desk.ts";
import type { Instances } from "../actors/instances.ts";
import type { KeyClients } from "../actors/key-clients.ts";
import type { LeaseHolders } from "../actors/lease-holders.ts";
import type { LockHolders } from "../actors/lock-holders.ts";
import type { Pipelines } from "../actors/pipelines.ts";
import type { RegistryDesk } from "../actors/registry-desk.ts";
import type { Watchers } from "../actors/watchers.ts";
import type { ExpiryGuard } from "../../../src/store/command.ts";
import type { StoreLimits } from "../../../src/store/store-limits.ts";
import type { Cluster } from "../cluster.ts";
import type { AcceptorTurn } from "../nodes/acceptor-node.ts";
import type { ReplicaTurn } from "../nodes/replica-node.ts";
import type { ChosenLog } from "./chosen-log.ts";

/** All that there is to judge. */
export interface Scene {
  readonly cluster: Cluster;
  readonly chosen: ChosenLog;
  readonly keys: KeyClients;
  readonly decisions: Deciders;
  readonly instances: Instances;
  readonly pipelines: Pipelines;
  /** All that the other actors asked and were told. */
  readonly desk: Desk;
  readonly leaseHolders: LeaseHolders;
  readonly lockHolders: LockHolders;
  readonly watchers: Watchers;
  /** What was asked of the registry; nothing in a run without it. */
  readonly registry: RegistryDesk;
  /** How long history is kept. */
  readonly history: Pick<StoreLimits, "historyMs" | "historyRevisions" | "keptSlots">;
  /** When so many of a herd are missing, they are held (H1). */
  readonly expiryGuard: ExpiryGuard;
  /** Votes that acceptors keep below what a majority of replicas has applied. */
  readonly keptSlots: number;
  /** From here on, in virtual ms, nothing goes wrong any more, and everything must have recovered. */
  readonly healthyFrom: () => number;
}

export interface Checker {
  /** After each turn of an acceptor that is durable, or that a replaced instance answered. */
  acceptorTurned?(turn: AcceptorTurn): void;
  /** After each durable turn of a replica. */
  replicaTurned?(turn: ReplicaTurn): void;
  /** Now and then. */
  moment?(): void;
  /** After healing, when nothing is under way any more. */
  end?(): void;
}

/** Makes a checker for one run. */
export type CheckerOf = (scene: Scene) => Checker;

/** @throws {Error} whose message names the broken rule first. */
export function violated(rule: string, what: string): never {
  throw new Error(`[${rule}] ${what}`);
}
