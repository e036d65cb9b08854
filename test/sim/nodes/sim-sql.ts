/**
 * `Sql` on `node:sqlite` with the turn's transaction in hand, so that a crash can lose what was not committed, and with
 * the database itself in hand, so that an instance that was replaced can go on with a copy of its own.
 */
import { DatabaseSync } from "node:sqlite";
import type { StatementSync } from "node:sqlite";
import type { Sql, SqlRow, SqlValue } from "../../../src/support/sql.ts";
import { checkPlatformLimits } from "../../support/platform-limits.ts";

export class SimSql implements Sql {
  #database = new DatabaseSync(":memory:");
  readonly #prepared = new Map<string, StatementSync>();

  all(statement: string, ...bindings: readonly SqlValue[]): readonly SqlRow[] {
    checkPlatformLimits(statement, bindings);
    let prepared = this.#prepared.get(statement);
    if (prepared === undefined) {
      prepared = this.#database.prepare(statement);
      this.#prepared.set(statement, prepared);
    }
    return prepared.all(...bindings) as unknown as readonly SqlRow[];
  }

  begin(): void {
    this.#database.exec("BEGIN");
  }
  commit(): void {
    this.#database.exec("COMMIT");
  }
  rollback(): void {
    this.#database.exec("ROLLBACK");
    this.#prepared.clear();
  }

  /** Rows changed by all statements so far. */
  get changes(): number {
    return Number(this.all("SELECT total_changes() AS n")[0]?.["n"] ?? 0);
  }

  /** Drops every table. */
  wipe(): void {
    this.#prepared.clear();
    for (const { name } of this.#tables()) this.#database.exec(`DROP TABLE "${name}"`);
  }

  /** All rows, as they are now, in a database of their own. */
  copy(): SimSql {
    const copy = new SimSql();
    for (const { name, sql } of this.#tables()) {
      copy.#database.exec(sql);
      const rows = this.#database.prepare(`SELECT * FROM "${name}"`).all();
      const [first] = rows;
      if (first === undefined) continue;
      const insert = copy.#database.prepare(
        `INSERT INTO "${name}" VALUES (${Object.keys(first)
          .map(() => "?")
          .join(", ")})`,
      );
      for (const row of rows) insert.run(...Object.values(row));
    }
    return copy;
  }

  /** From now on this reads and writes what `other` held. Not to be used through `other` any more. */
  become(other: SimSql): void {
    this.#database.close();
    this.#prepared.clear();
    this.#database = other.#database;
  }

  /** Hands the database on: whoever held this goes on with a copy. */
  leaveTo(heir: SimSql): void {
    const mine = this.#database;
    heir.#database.close();
    heir.#prepared.clear();
    this.#database = this.copy().#database;
    this.#prepared.clear();
    heir.#database = mine;
  }

  #tables(): readonly { readonly name: string; readonly sql: string }[] {
    const found = this.#database
      .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
      .all();
    return found.map((row) => ({ name: String(row["name"]), sql: String(row["sql"]) }));
  }
}
