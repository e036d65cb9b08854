/** Failures that are explained in one line, each with its exit code. Anything else that is thrown is a bug, shown in full. */
export class CommandError extends Error {
  readonly exitCode: number = 1;
}

/** A wrong flag or value: nothing was started. */
export class UsageError extends CommandError {
  override readonly exitCode = 2;
}
