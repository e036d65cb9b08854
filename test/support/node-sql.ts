/** The `Sql` port over `node:sqlite`: what Node tests give to code that runs on a Durable Object's storage. */
import { DatabaseSync } from "node:sqlite";
import type { StatementSync } from "node:sqlite";
import type { Sql, SqlRow, SqlValue } from "../../src/support/sql.ts";
import { checkPlatformLimits } from "./platform-limits.ts";

export class NodeSql implements Sql {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  /** @param path a file, to be found again by another instance; by default nothing outlives this object. */
  constructor(path = ":memory:") {
    this.#database = new DatabaseSync(path);
  }

  /** @throws {RangeError} where the platform would refuse. */
  all(statement: string, ...bindings: readonly SqlValue[]): readonly SqlRow[] {
    checkPlatformLimits(statement, bindings);
    return this.#prepare(statement).all(...bindings) as unknown as readonly SqlRow[];
  }

  /** Rows changed by every statement since the database was opened. */
  get changes(): number {
    return Number(this.all("SELECT total_changes() AS n")[0]?.["n"] ?? 0);
  }

  /** Names of all tables: empty as long as nothing was written. */
  get tables(): readonly string[] {
    return this.all("SELECT name FROM sqlite_master ORDER BY name").map((row) => String(row["name"]));
  }

  close(): void {
    this.#database.close();
  }

  #prepare(statement: string): StatementSync {
    const known = this.#prepared.get(statement);
    if (known !== undefined) return known;
    const prepared = this.#database.prepare(statement);
    this.#prepared.set(statement, prepared);
    return prepared;
  }
}
