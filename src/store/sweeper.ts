/**
 * Clears rows that have expired in log time, a few with each apply, going round the table by key. What is expired
 * already counts as absent, so when it goes is nobody's business: replicas may differ in it and still hold the same
 * logical rows. Needs no index on the expiry, which would double the rows written.
 */
import { numberIn, textIn } from "../support/sql.ts";
import type { Sql } from "../support/sql.ts";

/** A round starts at most this often, in log time: rows live for hours, and reading them costs too. */
const roundMs = 3_600_000;

export class Sweeper {
  readonly #sql: Sql;
  readonly #select: string;
  readonly #delete: string;
  readonly #limit: number;
  /** The last id looked at; null between two rounds. */
  #at: string | null = "";
  #nextRound = 0;
  /** Earliest expiry that the present round has left behind. */
  #earliest = Infinity;

  /** @param expiry the column that holds the last log time at which a row of `table` counts. */
  constructor(sql: Sql, table: string, expiry: string, limit: number) {
    this.#sql = sql;
    this.#select = `SELECT id, ${expiry} AS expiry FROM ${table} WHERE id > ? ORDER BY id LIMIT ?`;
    this.#delete = `DELETE FROM ${table} WHERE id = ?`;
    this.#limit = limit;
  }

  /** @param inserted rows that this apply added: a round must be faster than the table grows. */
  sweep(now: number, inserted: number): void {
    if (this.#at === null) {
      if (now < this.#nextRound) return;
      this.#at = "";
      this.#earliest = Infinity;
    }
    const looked = Math.max(this.#limit, 2 * inserted);
    const rows = this.#sql.all(this.#select, this.#at, looked);
    for (const row of rows) {
      const id = textIn(row, "id");
      const expiry = numberIn(row, "expiry");
      if (expiry < now) this.#sql.all(this.#delete, id);
      else this.#earliest = Math.min(this.#earliest, expiry);
      this.#at = id;
    }
    if (rows.length === looked) return;
    this.#at = null;
    this.#nextRound = Math.max(now + roundMs, Math.min(this.#earliest, now + 24 * roundMs));
  }
}
