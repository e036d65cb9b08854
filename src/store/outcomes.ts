/**
 * What came of commands, by their ids, until their deadlines have passed (SPEC X1). Most are remembered briefly: in
 * memory, rebuilt from the batch rows after a restart, so that a plain command costs no row of its own. Those under a
 * client's own key, which live a day, have a row each, and so have those that came by a snapshot. Used by the store.
 */
import { assert } from "../support/assert.ts";
import { requestId } from "../support/brand.ts";
import type { LogTime, RequestId } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import { numberIn, textIn } from "../support/sql.ts";
import type { Sql, SqlRow } from "../support/sql.ts";
import type { Command, Outcome } from "./command.ts";
import { decodeOutcome, encodeOutcome, packOutcome, readOutcome } from "./outcome-codec.ts";
import { isName } from "./stored-names.ts";
import { isList, isTime, isTuple, parseJson } from "./json-shape.ts";
import { briefMs } from "./store-limits.ts";
import type { StoreLimits } from "./store-limits.ts";
import { Sweeper } from "./sweeper.ts";

export interface Remembered {
  readonly outcome: Outcome;
  /** null when the client named no key: then nobody else can have used the id. */
  readonly fingerprint: string | null;
  /** The last log time at which this is remembered: the latest deadline of all commands that came under the id. */
  readonly deadline: number;
}

/** One outcome with its own row. */
export interface DurableOutcome extends Remembered {
  readonly id: RequestId;
}

/** One outcome of the brief memory, as the batch row carries it. */
export interface BriefOutcome {
  readonly id: RequestId;
  readonly deadline: number;
  readonly outcome: Outcome;
}

/** An outcome with nothing read in it and no key, in characters: numbers and punctuation. */
const smallOutcome = 96;

/** What is kept of an outcome: not the answers of a transaction that read much. A retry is told that it was carried out. */
function kept(outcome: Outcome): Outcome {
  if (outcome.type !== "txn" || outcome.responses === null) return outcome;
  return encodeOutcome(outcome).length <= limits.rememberedOutcomeBytes ? outcome : { ...outcome, responses: null };
}

export class Outcomes {
  readonly #sql: Sql;
  readonly #limits: StoreLimits;
  readonly #sweeper: Sweeper;
  /** In the order of applying; deadlines rise with it, nearly. */
  readonly #brief = new Map<RequestId, BriefOutcome>();
  /** Of the batch being applied: what goes into its row. */
  #added: BriefOutcome[] = [];
  /** Their size in that row, in characters. */
  #addedSize = 0;
  #durableAdded = 0;
  /** False as long as no row was ever seen: then a look-up needs no statement. */
  #durable: boolean;

  constructor(sql: Sql, limits: StoreLimits, exists: boolean) {
    this.#sql = sql;
    this.#limits = limits;
    this.#sweeper = new Sweeper(sql, "outcomes", "deadline", limits.clearedOutcomesPerApply);
    this.#durable = exists && sql.all("SELECT 1 AS one FROM outcomes LIMIT 1").length > 0;
  }

  find(id: RequestId, now: LogTime): Remembered | null {
    const brief = this.#brief.get(id);
    const row = this.#durable ? this.#row(id) : null;
    // Both, when one was prolonged: then they say the same, and the later deadline counts.
    const lasting = brief === undefined || (row !== null && row.deadline > brief.deadline) ? row : withoutKey(brief);
    return lasting === null || lasting.deadline < now ? null : lasting;
  }

  remember({ id, deadline, fingerprint }: Command, outcome: Outcome, now: LogTime): void {
    this.#keep({ id, deadline, fingerprint: fingerprint ?? null, outcome: kept(outcome) }, now);
  }

  /** Remembers what is known under a command's id until that command's own deadline. */
  prolong({ id, deadline }: Command, { fingerprint, outcome }: Remembered, now: LogTime): void {
    this.#keep({ id, deadline, fingerprint, outcome }, now);
  }

  #keep(kept: DurableOutcome, now: LogTime): void {
    const { id, deadline, fingerprint, outcome } = kept;
    if (fingerprint === null && deadline <= now + briefMs(this.#limits) && this.#fits(outcome)) {
      const brief = { id, deadline, outcome };
      this.restore(brief);
      this.#added.push(brief);
      return;
    }
    this.write(kept);
    this.#durableAdded += 1;
  }

  /** Whether the batch's row has room for it: what a transaction read may be large. */
  #fits(outcome: Outcome): boolean {
    const isSmall = outcome.type !== "txn" && outcome.type !== "enqueued";
    const size = isSmall ? smallOutcome : encodeOutcome(outcome).length;
    if (size > limits.briefOutcomeBytes || this.#addedSize + size > limits.batchRowOutcomeBytes) return false;
    this.#addedSize += size;
    return true;
  }

  /** Puts one outcome into the brief memory: as it comes, or from a batch row after a restart, oldest first. */
  restore(brief: BriefOutcome): void {
    this.#brief.delete(brief.id);
    this.#brief.set(brief.id, brief);
  }

  write(durable: DurableOutcome): void {
    this.#sql.all(
      "INSERT OR REPLACE INTO outcomes (id, deadline, fingerprint, outcome) VALUES (?, ?, ?, ?)",
      durable.id,
      durable.deadline,
      durable.fingerprint,
      encodeOutcome(durable.outcome),
    );
    this.#durable = true;
  }

  /** Ends every batch. @returns what its row must carry, null for nothing. */
  takeAdded(): string | null {
    if (this.#added.length === 0) return null;
    const packed = encodeBrief(this.#added);
    this.#added = [];
    this.#addedSize = 0;
    return packed;
  }

  /** Frees what is past its deadline: memory first, then some rows. */
  forget(now: LogTime): void {
    for (const [id, brief] of this.#brief) {
      if (brief.deadline >= now) break;
      this.#brief.delete(id);
    }
    if (this.#durable) this.#sweeper.sweep(now, this.#durableAdded);
    this.#durableAdded = 0;
  }

  /** All that is remembered, in the order of ids. Where it is remembered makes no difference to replicas. */
  all(now: LogTime): readonly DurableOutcome[] {
    const lasting = new Map<RequestId, DurableOutcome>();
    for (const one of this.#brief.values()) if (one.deadline >= now) lasting.set(one.id, withoutKey(one));
    const rows = this.#sql.all("SELECT id, deadline, fingerprint, outcome FROM outcomes WHERE deadline >= ?", now);
    for (const one of rows.map(durableIn)) {
      if (one.deadline > (lasting.get(one.id)?.deadline ?? -1)) lasting.set(one.id, one);
    }
    return [...lasting.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  #row(id: RequestId): DurableOutcome | null {
    const [row] = this.#sql.all("SELECT id, deadline, fingerprint, outcome FROM outcomes WHERE id = ?", id);
    return row === undefined ? null : durableIn(row);
  }
}

const withoutKey = (brief: BriefOutcome): DurableOutcome => ({ ...brief, fingerprint: null });

function durableIn(row: SqlRow): DurableOutcome {
  const outcome = decodeOutcome(textIn(row, "outcome"));
  assert(outcome !== null, "X1 a remembered outcome must be readable");
  const fingerprint = row["fingerprint"];
  return {
    id: requestId(textIn(row, "id")),
    deadline: numberIn(row, "deadline"),
    fingerprint: typeof fingerprint === "string" ? fingerprint : null,
    outcome,
  };
}

const encodeBrief = (added: readonly BriefOutcome[]): string =>
  JSON.stringify(added.map(({ id, deadline, outcome }) => [id, deadline, packOutcome(outcome)]));

/** @returns null when `text` is not what a batch row carries. */
export function decodeBrief(text: string): readonly BriefOutcome[] | null {
  const listed = parseJson(text);
  if (!isList(listed)) return null;
  const read: BriefOutcome[] = [];
  for (const item of listed) {
    if (!isTuple(item, 3)) return null;
    const [id, deadline, packed] = item;
    const outcome = readOutcome(packed);
    if (!isName(id) || !isTime(deadline) || outcome === null) return null;
    read.push({ id: requestId(id), deadline, outcome });
  }
  return read;
}
