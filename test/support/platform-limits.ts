/**
 * What a Durable Object's database refuses, for the databases that stand for it in tests: `node:sqlite` would take more.
 * @see https://developers.cloudflare.com/durable-objects/platform/limits/
 */
import type { SqlValue } from "../../src/support/sql.ts";

const boundValues = 100;
const statementBytes = 100_000;
const valueBytes = 2 * 1024 * 1024;

/** @throws {RangeError} where the platform would refuse: too long a statement, too many values, one that is too large or not whole. */
export function checkPlatformLimits(statement: string, bindings: readonly SqlValue[]): void {
  if (statement.length > statementBytes) throw new RangeError(`a statement has at most ${statementBytes} bytes`);
  if (bindings.length > boundValues)
    throw new RangeError(`${bindings.length} values: at most ${boundValues} are bound`);
  for (const value of bindings) {
    if (typeof value === "number" && !Number.isSafeInteger(value)) throw new RangeError(`cannot bind ${value}`);
    const size = typeof value === "string" || value instanceof Uint8Array ? value.length : 0;
    if (size > valueBytes) throw new RangeError(`a value has at most ${valueBytes} bytes, not ${size}`);
  }
}
