/**
 * The order that pipelining clients asked for: each session's next sequence (SPEC X3), forgotten some time after its
 * last command. Used by the store. The commands of one batch cost one row per session together.
 */
import { numberIn, textIn } from "../support/sql.ts";
import type { LogTime } from "../support/brand.ts";
import type { Sql } from "../support/sql.ts";
import type { StoreLimits } from "./store-limits.ts";
import { Sweeper } from "./sweeper.ts";

export interface Session {
  readonly id: string;
  /** The only sequence that will be carried out. */
  readonly next: number;
  /** The last log time at which this is known. */
  readonly expires: number;
}

export class Sessions {
  readonly #sql: Sql;
  readonly #lifeMs: number;
  readonly #sweeper: Sweeper;
  /** Changes of the batch being applied, not yet in the table. */
  readonly #touched = new Map<string, Session>();
  /** False as long as no row was ever seen: then nothing needs sweeping. */
  #any: boolean;

  constructor(sql: Sql, limits: StoreLimits, exists: boolean) {
    this.#sql = sql;
    this.#lifeMs = limits.sessionLifeMs;
    this.#sweeper = new Sweeper(sql, "sessions", "expires", limits.clearedOutcomesPerApply);
    this.#any = exists && sql.all("SELECT 1 AS one FROM sessions LIMIT 1").length > 0;
  }

  /** The sequence that must come next: 1 for a session that is unknown, or forgotten. */
  expected(id: string, now: LogTime): number {
    const touched = this.#touched.get(id);
    if (touched !== undefined) return touched.next;
    const [row] = this.#sql.all("SELECT next, expires FROM sessions WHERE id = ?", id);
    return row === undefined || numberIn(row, "expires") < now ? 1 : numberIn(row, "next");
  }

  passed(id: string, sequence: number, now: LogTime): void {
    this.#touched.set(id, { id, next: sequence + 1, expires: now + this.#lifeMs });
  }

  /** Ends every batch: one row per session it touched. */
  flush(now: LogTime): void {
    for (const session of this.#touched.values()) this.write(session);
    if (this.#any) this.#sweeper.sweep(now, this.#touched.size);
    this.#touched.clear();
  }

  write(session: Session): void {
    this.#sql.all(
      "INSERT OR REPLACE INTO sessions (id, next, expires) VALUES (?, ?, ?)",
      session.id,
      session.next,
      session.expires,
    );
    this.#any = true;
  }

  all(now: LogTime): readonly Session[] {
    return this.#sql.all("SELECT id, next, expires FROM sessions WHERE expires >= ? ORDER BY id", now).map((row) => ({
      id: textIn(row, "id"),
      next: numberIn(row, "next"),
      expires: numberIn(row, "expires"),
    }));
  }
}
