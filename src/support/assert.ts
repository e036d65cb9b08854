/**
 * Assertions on our own state. They stay on in production: a broken invariant stops the object, which rebuilds
 * itself from storage. Never used on foreign input; that is rejected with a typed value instead.
 */

/** A bug in Synod: its own state contradicts a rule of SPEC.md. */
class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/**
 * @param rule what must hold, beginning with the SPEC rule it protects where there is one.
 * @throws {InvariantError} when `condition` is false.
 */
export function assert(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new InvariantError(rule);
}

/** Ends an exhaustive `switch`: compiles only when every case is handled, and throws should one slip through. */
export function assertNever(value: never, what: string): never {
  throw new InvariantError(`${what}: unexpected ${JSON.stringify(value)}`);
}
