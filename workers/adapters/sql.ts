/** `Sql` over a Durable Object's SQLite. Each cursor is read to its end at once: a half-read one disturbs later statements. */
import type { Sql, SqlRow } from "../../src/support/sql.ts";

export function sqlOf(storage: SqlStorage): Sql {
  return {
    all(statement, ...bindings) {
      const rows: Record<string, SqlStorageValue | Uint8Array>[] = storage.exec(statement, ...bindings).toArray();
      for (const row of rows) {
        for (const column in row) {
          const value = row[column];
          if (value instanceof ArrayBuffer) row[column] = new Uint8Array(value);
        }
      }
      return rows as SqlRow[];
    },
  };
}
