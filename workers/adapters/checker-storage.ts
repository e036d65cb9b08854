/**
 * A Checker's rows: where it stands and until when it was told to look, and what is to be remembered of single checks.
 * There are none as long as nobody has told it anything, and none again when nothing is left to be done.
 */
import { numberIn, textIn } from "../../src/support/sql.ts";
import type { Sql } from "../../src/support/sql.ts";
import type { Kept } from "../../src/registry/check-plan.ts";
import type { ObjectAddress } from "./port.ts";

export interface CheckerRows {
  readonly address: ObjectAddress;
  readonly armedUntil: number;
  readonly kept: ReadonlyMap<string, Kept>;
}

const schema = [
  `CREATE TABLE IF NOT EXISTS checker (
     id INTEGER PRIMARY KEY CHECK (id = 1), namespace TEXT NOT NULL, region TEXT NOT NULL, armed_until INTEGER NOT NULL)`,
  "CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, kept TEXT NOT NULL) WITHOUT ROWID",
];

export class CheckerStorage {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  load(): CheckerRows | null {
    const [table] = this.#sql.all("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'checker'");
    const [row] = table === undefined ? [] : this.#sql.all("SELECT * FROM checker WHERE id = 1");
    if (row === undefined) return null;
    const kept = this.#sql
      .all("SELECT name, kept FROM kept")
      .map((one) => [textIn(one, "name"), JSON.parse(textIn(one, "kept")) as Kept] as const);
    return {
      address: { namespace: textIn(row, "namespace"), region: textIn(row, "region") },
      armedUntil: numberIn(row, "armed_until"),
      kept: new Map(kept),
    };
  }

  arm({ namespace, region }: ObjectAddress, armedUntil: number): void {
    for (const statement of schema) this.#sql.all(statement);
    this.#sql.all(
      "INSERT OR REPLACE INTO checker (id, namespace, region, armed_until) VALUES (1, ?, ?, ?)",
      namespace,
      region,
      armedUntil,
    );
  }

  keep(name: string, kept: Kept | null): void {
    if (kept === null) this.#sql.all("DELETE FROM kept WHERE name = ?", name);
    else this.#sql.all("INSERT OR REPLACE INTO kept (name, kept) VALUES (?, ?)", name, JSON.stringify(kept));
  }

  drop(): void {
    for (const table of ["checker", "kept"]) this.#sql.all(`DROP TABLE IF EXISTS ${table}`);
  }
}
