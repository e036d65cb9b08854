/** What clients asked and were told, in virtual time: the evidence that the checkers judge. */
import type { ClientReply, Consistency } from "../../src/replica/messages.ts";
import type { Condition } from "../../src/store/command.ts";
import type { Decided } from "../../workers/gateway/decision-value.ts";

/** A request of a client to the store. */
export type Asked =
  | { readonly type: "get"; readonly key: string }
  | { readonly type: "list" }
  | { readonly type: "put"; readonly key: string; readonly value: string; readonly condition: Condition }
  | { readonly type: "delete"; readonly key: string; readonly condition: Condition };

export interface Operation {
  readonly client: string;
  readonly asked: Asked;
  /** Null for writes. */
  readonly consistency: Consistency | null;
  /** Names the command, with its fingerprint; null for reads. */
  readonly id: string | null;
  readonly calledAt: number;
  /** Null: its client died, or the run ended, before an answer came. */
  returnedAt: number | null;
  reply: ClientReply | null;
  /** For writes without an outcome: whether the client was told that it will never take effect. */
  notApplied: boolean;
  /** Its deadline was so short that it may pass on the way. */
  readonly hasty: boolean;
  /** The client that asked is gone. */
  abandoned: boolean;
}

/** A proposal of a decision, or a question about it. */
export interface DecisionAsked {
  readonly id: string;
  /** The proposal's own id; null for a question. */
  readonly proposal: string | null;
  readonly calledAt: number;
  returnedAt: number | null;
  /** What it was told is decided; `nothing`: it was told that nothing is. */
  told: Decided | "nothing" | null;
  notApplied: boolean;
}

/** An id with its fingerprint, as clients and the log name a command. */
export const nameOfCommand = (id: string, fingerprint: string | undefined | null): string =>
  `${fingerprint ?? ""} ${id}`;
