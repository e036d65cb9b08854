/**
 * One write of a key and what its writer may conclude from the answers: sent once, or under an `Idempotency-Key` again and
 * again, at any region, until somebody knows. To the history, all attempts of one write are one call.
 */
import type { Condition } from "../../linearizability/key-value-calls.ts";
import type { Told } from "../recording.ts";
import { problemIn, taggedRevision, type Answer, type Exchange, type Reply } from "./http.ts";
import { send, troubleIn, type Roads } from "./roads.ts";
import { pause } from "./pause.ts";

export interface Write {
  readonly operation: "put" | "delete";
  readonly key: string;
  readonly value: string | null;
  readonly condition: Condition;
  /** Null: sent once. */
  readonly idempotencyKey: string | null;
  /** From the first attempt: under an `Idempotency-Key` the others are waited for. */
  readonly walksAwayAfterMs?: number | undefined;
}

export interface Written {
  readonly told: Told;
  readonly sent: number;
  readonly retriedInDoubt: boolean;
  readonly calledAt: number;
  readonly returnedAt: number;
}

interface UntilEnding extends Roads {
  readonly ending: () => boolean;
}

const attemptsUnderOneKey = 8;
const pauseBetweenAttemptsMs = 150;

export async function carryOut(roads: UntilEnding, write: Write): Promise<Written> {
  const attempts = write.idempotencyKey === null ? 1 : attemptsUnderOneKey;
  let inDoubt = false;
  for (let sent = 1, calledAt = Infinity; ; sent += 1) {
    const { reply, ...times } = await sendOnce(roads, write, sent === 1 ? write.walksAwayAfterMs : undefined);
    calledAt = Math.min(calledAt, times.calledAt);
    const told = conclude(roads, write, reply);
    const retriedInDoubt = inDoubt;
    inDoubt ||= told.type === "unknown";
    const settled = told.type === "acknowledged" || told.type === "refused";
    if (settled || sent === attempts || roads.ending()) {
      // What is not applied by the last attempt may have been, or may yet be, by one before it.
      const known: Told = settled || !inDoubt ? told : { type: "unknown" };
      return { told: known, sent, retriedInDoubt, calledAt, returnedAt: times.returnedAt };
    }
    await pause(pauseBetweenAttemptsMs);
  }
}

/** Sends it once more, as somebody would who missed the answer. */
export async function repeat(roads: Roads, write: Write): Promise<Told> {
  const { reply } = await sendOnce(roads, write);
  return conclude(roads, write, reply);
}

async function sendOnce(roads: Roads, write: Write, walksAwayAfterMs?: number): Promise<Exchange> {
  const headers: Record<string, string> = { ...headersOf(write.condition) };
  if (write.idempotencyKey !== null) headers["idempotency-key"] = write.idempotencyKey;
  return send(roads, `/kv/${write.key}`, {
    method: write.operation === "put" ? "PUT" : "DELETE",
    headers,
    walksAwayAfterMs,
    ...(write.value === null ? {} : { body: write.value }),
  });
}

function headersOf(condition: Condition): Readonly<Record<string, string>> {
  switch (condition.type) {
    case "always":
      return {};
    case "unchanged-since":
      return { "if-match": `"${condition.modRevision}"` };
    case "present":
      return { "if-match": "*" };
    case "absent":
      return { "if-none-match": "*" };
  }
}

function conclude(roads: Roads, write: Write, reply: Reply): Told {
  switch (reply.type) {
    case "not-sent":
      return { type: "not-applied" };
    case "no-answer":
      return { type: "unknown" };
    case "answered":
      return read(roads, write, reply.answer);
  }
}

function read(roads: Roads, { operation, key }: Write, answer: Answer): Told {
  if (answer.status < 300) return acknowledged(answer);
  if (answer.status === 412 && problemIn(answer).code === "precondition-failed") {
    return { type: "refused", modRevision: taggedRevision(answer) };
  }
  const { outcome } = troubleIn(roads, `${operation} ${key}`, answer);
  return { type: outcome === "not-applied" ? "not-applied" : "unknown" };
}

function acknowledged({ body }: Answer): Told {
  const { revision, version, deleted } = JSON.parse(body) as {
    readonly revision: number;
    readonly version?: number;
    readonly deleted?: boolean;
  };
  return { type: "acknowledged", revision, version: version ?? null, changed: deleted ?? true };
}
