/**
 * What the clients of a chaos run asked and were told: plain data, the evidence that the judges weigh. All times are of
 * one clock, `performance.now()` of the process in which all clients run: taken before a request is sent, and when its
 * whole answer is there.
 */
import type { Condition } from "../linearizability/key-value-calls.ts";

export type Consistency = "linearizable" | "session" | "local";

interface Made {
  readonly client: string;
  readonly calledAt: number;
  /** Of a call whose outcome is unknown: when its client stopped waiting. */
  readonly returnedAt: number;
}

/** What the writer of a key may conclude (SPEC U1). */
export type Told =
  | {
      readonly type: "acknowledged";
      /** The store's, in the answer. */
      readonly revision: number;
      /** Of a put: how often the key was written since it was created. */
      readonly version: number | null;
      /** Of a delete: whether something was there. True for a put. */
      readonly changed: boolean;
    }
  /** 412, with the key's mod revision if it exists. */
  | { readonly type: "refused"; readonly modRevision: number | null }
  | { readonly type: "not-applied" }
  | { readonly type: "unknown" };

export interface WriteCall extends Made {
  readonly operation: "put" | "delete";
  readonly key: string;
  /** Of a put: nobody else writes the same text. */
  readonly value: string | null;
  readonly condition: Condition;
  /** How often it was sent: more than once only under an `Idempotency-Key`. */
  readonly sent: number;
  /** Whether an attempt before the last one may have taken effect, for all its client knew then. */
  readonly retriedInDoubt: boolean;
  readonly told: Told;
}

export interface Found {
  readonly value: string;
  readonly modRevision: number;
  /** Listings tell it, single reads do not. */
  readonly version: number | null;
}

/** What an answered read showed. */
export interface ReadCall extends Made {
  /** Whether all keys of a group were read at once. */
  readonly listing: boolean;
  /** The key that was read; of a listing each key of the group, absent ones included. */
  readonly shown: readonly Shown[];
  /** What the client takes the answer for. */
  readonly consistency: Consistency;
  readonly atLeast: number | null;
  readonly revision: number;
  /** Null: `unknown`. */
  readonly ageMs: number | null;
  readonly servedBy: string;
}

export interface Shown {
  readonly key: string;
  /** Null: absent. */
  readonly found: Found | null;
}

/** An answered request that was sent once more under its `Idempotency-Key`: the first outcome must hold (SPEC X1). */
export interface Repeat {
  readonly client: string;
  readonly key: string;
  readonly first: Told;
  readonly again: Told;
}

export interface DecisionCall extends Made {
  readonly id: string;
  /** Null: only asked. */
  readonly proposed: string | null;
  readonly told:
    | { readonly type: "decided"; readonly value: string; readonly yours: boolean }
    | { readonly type: "nothing" }
    | { readonly type: "not-applied" }
    | { readonly type: "unknown" };
}

/** A registration or renewal that was acknowledged. */
export interface Renewal extends Made {
  readonly instance: string;
  readonly ttlMs: number;
}

/** An answered linearizable lookup of the service. */
export interface Lookup extends Made {
  readonly instances: readonly string[];
}

/** A lock that was given to a client. */
export interface Acquisition extends Made {
  readonly token: number;
}

/** How long a client believed that it held the lock. */
export interface Hold {
  readonly client: string;
  readonly token: number;
  readonly from: number;
  to: number;
}

/** A write of the counter, guarded by a token. */
export interface GuardedWrite extends Made {
  readonly token: number;
  readonly value: number;
  readonly told: "acknowledged" | "refused" | "not-applied" | "unknown";
  /** Of an acknowledged one: its revision, and how often the counter had been written then. */
  readonly made: { readonly revision: number; readonly version: number } | null;
}

/** A request that nobody answered while its client had patience. */
export interface Silence {
  readonly region: string;
  readonly what: string;
  readonly calledAt: number;
  readonly returnedAt: number;
}

export class Recording {
  readonly writes: WriteCall[] = [];
  readonly reads: ReadCall[] = [];
  readonly repeats: Repeat[] = [];
  readonly decisions: DecisionCall[] = [];
  readonly renewals: Renewal[] = [];
  readonly lookups: Lookup[] = [];
  readonly silences: Silence[] = [];
  readonly acquisitions: Acquisition[] = [];
  readonly holds: Hold[] = [];
  readonly guarded: GuardedWrite[] = [];
  /** Answers that no fault explains: their mere presence is a violation. */
  readonly surprises: string[] = [];
  /** Operations by kind, and of each kind by outcome. */
  readonly counts = new Map<string, Map<string, number>>();

  /** Why requests failed, and how often: problem codes, silence, broken connections. */
  readonly troubles = new Map<string, number>();

  count(kind: string, outcome: string): void {
    const outcomes = this.counts.get(kind) ?? new Map<string, number>();
    this.counts.set(kind, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1));
  }

  trouble(why: string): void {
    this.troubles.set(why, (this.troubles.get(why) ?? 0) + 1);
  }
}
