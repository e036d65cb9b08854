/** What clients asked and were told, in virtual time: the evidence the checkers judge. */
import type { ClientReply } from "../../src/replica/messages.ts";

export interface Operation {
  readonly client: number;
  readonly kind: "put" | "delete" | "get";
  readonly key: string;
  /** What a put wrote: unique, so that a value names its put. */
  readonly value: string | null;
  readonly id: string;
  readonly invokedAt: number;
  returnedAt: number | null;
  reply: ClientReply | null;
}
