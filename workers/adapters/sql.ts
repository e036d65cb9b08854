/** `Sql` over a Durable Object's SQLite. Each cursor is read to its end at once: a half-read one disturbs later statements. */
import type { Sql, SqlRow, SqlValue } from "../../src/support/sql.ts";

const plain = (value: SqlStorageValue): SqlValue => (value instanceof ArrayBuffer ? new Uint8Array(value) : value);

export function sqlOf(storage: SqlStorage): Sql {
  return {
    all(statement, ...bindings) {
      const cursor = storage.exec(statement, ...bindings);
      const rows: SqlRow[] = [];
      for (const row of cursor) {
        rows.push(Object.fromEntries(Object.entries(row).map(([column, value]) => [column, plain(value)])));
      }
      return rows;
    },
  };
}
