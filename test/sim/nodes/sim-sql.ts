/** `Sql` on `node:sqlite` with the turn's transaction in hand, so that a crash can lose what was not committed. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Sql, SqlRow, SqlValue } from "../../src/support/sql.ts";

export class SimSql implements Sql {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  all(statement: string, ...bindings: readonly SqlValue[]): readonly SqlRow[] {
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
  close(): void {
    this.#database.close();
  }
}
