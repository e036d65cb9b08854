/**
 * A replica's own row, apart from its store: where it stands, the highest round it ever used (B2) and the founded set.
 * Made at the first write only: looking at a replica leaves nothing behind.
 */
import { numberIn, textIn } from "../../src/support/sql.ts";
import type { Sql } from "../../src/support/sql.ts";
import { membersOf } from "../../src/paxos/membership.ts";
import type { Member, Members } from "../../src/paxos/membership.ts";
import type { TurnOutcome } from "../../src/replica/turn.ts";

export interface ReplicaRow {
  readonly namespace: string;
  readonly region: string;
  readonly round: number;
  readonly members: Members | null;
}

export class ReplicaStorage {
  readonly #sql: Sql;
  #saved = false;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  load(): ReplicaRow | null {
    const [table] = this.#sql.all("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'replica'");
    const [row] = table === undefined ? [] : this.#sql.all("SELECT * FROM replica WHERE id = 1");
    if (row === undefined) return null;
    const members = row["members"] === null ? null : membersOf(JSON.parse(textIn(row, "members")) as Member[]);
    this.#saved = true;
    return {
      namespace: textIn(row, "namespace"),
      region: textIn(row, "region"),
      round: numberIn(row, "round"),
      members,
    };
  }

  /**
   * The row of the replica at this very place, fresh if there is none. Rows that name another place are a copy of its:
   * they are dropped, all of them, and it begins anew, as if emptied. Under the other's name it would be counted as that
   * one having applied what it has (L5, L8).
   */
  loadFor({ namespace, region }: Pick<ReplicaRow, "namespace" | "region">): ReplicaRow {
    const row = this.load();
    if (row?.namespace === namespace && row.region === region) return row;
    if (row !== null) this.drop();
    return { namespace, region, round: 0, members: null };
  }

  /** Drops everything the object has stored. */
  drop(): void {
    this.#saved = false;
    // Tables that begin with `_cf_` are the platform's own.
    const tables = this.#sql.all(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'",
    );
    for (const table of tables) this.#sql.all(`DROP TABLE "${textIn(table, "name")}"`);
  }

  /**
   * Keeps what a turn wants kept. A replica that has rows in its store needs its own row too, even if it never proposed:
   * an alarm that wakes it finds no other trace of who it is.
   * @returns the row as it is now.
   */
  keep(row: ReplicaRow, { round, members }: TurnOutcome["persist"], storeExists: boolean): ReplicaRow {
    if (round === null && members === null && (this.#saved || !storeExists)) return row;
    const kept = { ...row, round: round ?? row.round, members: members ?? row.members };
    this.#save(kept);
    this.#saved = true;
    return kept;
  }

  #save({ namespace, region, round, members }: ReplicaRow): void {
    this.#sql.all(
      `CREATE TABLE IF NOT EXISTS replica (
         id INTEGER PRIMARY KEY CHECK (id = 1), namespace TEXT NOT NULL, region TEXT NOT NULL, round INTEGER NOT NULL, members TEXT)`,
    );
    this.#sql.all(
      "INSERT OR REPLACE INTO replica (id, namespace, region, round, members) VALUES (1, ?, ?, ?, ?)",
      namespace,
      region,
      round,
      members === null ? null : JSON.stringify(members),
    );
  }
}
