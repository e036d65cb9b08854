/**
 * The failures a launcher explains in one line instead of showing a stack, each with its exit code. Anything else that
 * is thrown is a bug and is shown in full.
 */
export class LauncherError extends Error {
  readonly exitCode: number = 1;
}

/** A wrong flag or value: nothing was started. */
export class UsageError extends LauncherError {
  override readonly exitCode = 2;
}

/** Something else listens where a socket should. */
export class AddressInUse extends LauncherError {
  /** The socket's name in the runtime's configuration. */
  readonly socket: string;

  constructor(socket: string, message: string) {
    super(message);
    this.socket = socket;
  }
}

/** Prints what went wrong and sets the exit code. */
export function explain(error: unknown): void {
  if (!(error instanceof LauncherError)) throw error;
  process.stderr.write(`synod: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
