/** What a replica starts from: given by its shell, and by tests, which make rare things happen soon. */
import type { Members } from "../paxos/membership.ts";
import type { ExpiryGuard } from "../store/command.ts";
import type { Store } from "../store/store.ts";
import type { Random } from "../support/random.ts";
import type { Place } from "./acceptor-group.ts";
import type { DriftRule } from "./drift.ts";

/** What a replica starts from: what it persisted, and what is fresh. */
export interface Start {
  readonly place: Place;
  readonly store: Store;
  readonly random: Random;
  /** The highest round ever used here (B2), 0 for none. */
  readonly round: number;
  readonly members: Members | null;
  /** When leases are held instead of ended (SPEC H1); without it none is. */
  readonly expiryGuard?: ExpiryGuard | null;
  /** Tests trim sooner. */
  readonly trimming?: Trimming;
  /** When leadership goes where the writers are; without it, it stays. */
  readonly drift?: DriftRule;
}

export interface Trimming {
  /** Slots that acceptors keep below what a majority of replicas has applied. */
  readonly keptSlots: number;
  /** The floor moves by no fewer slots than this. */
  readonly step: number;
}
