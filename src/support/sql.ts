/**
 * The one door to SQLite, as narrow as it can be: `ctx.storage.sql` inside a Durable Object, `node:sqlite` in tests.
 * Synchronous on purpose: read, compare and write happen in one turn (SPEC D3).
 */
export type SqlValue = string | number | null | Uint8Array;
export type SqlRow = Readonly<Record<string, SqlValue>>;

export interface Sql {
  /** Runs one statement to its end and returns all its rows. Bound numbers must be whole and below 2^53. */
  all(statement: string, ...bindings: readonly SqlValue[]): readonly SqlRow[];
}

/** A whole number from a row. @throws {TypeError} when the column holds anything else: the file is not ours. */
export function numberIn(row: SqlRow, column: string): number {
  const value = row[column];
  if (typeof value !== "number") throw new TypeError(`column ${column} holds no number`);
  return value;
}

/** @throws {TypeError} when the column holds anything but text. */
export function textIn(row: SqlRow, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw new TypeError(`column ${column} holds no text`);
  return value;
}

/** @throws {TypeError} when the column holds anything but bytes. */
export function bytesIn(row: SqlRow, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw new TypeError(`column ${column} holds no bytes`);
  return value;
}
