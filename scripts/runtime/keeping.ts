/**
 * The launcher's side of `keeper.ts`: takes the lock on a data directory, and names the processes that must not outlive
 * the launcher.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { LauncherError } from "./errors.ts";
import { signalProcess } from "./signal-process.ts";

const program = fileURLToPath(new URL("keeper.ts", import.meta.url));

export class Keeper {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #pids = new Set<number>();

  /** Takes the lock, or refuses because another launcher has it. */
  static async lock(file: string, directory: string): Promise<Keeper> {
    const args = ["--disable-warning=ExperimentalWarning", program, file];
    // A group of its own: Ctrl-C in the terminal is for the launcher to answer.
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"], detached: true });
    const lines = createInterface({ input: child.stdout });
    const [answer] = (await Promise.race([once(lines, "line"), once(child, "exit")])) as [unknown];
    if (answer === "locked") return new Keeper(child);
    if (answer === "held") throw new LauncherError(`another Synod is running on ${directory}`);
    throw new LauncherError(`cannot lock ${directory}`);
  }

  private constructor(child: ChildProcess) {
    this.#process = child;
    this.#ended = once(child, "exit").then(() => {
      // Normally there is nobody left. Without the lock, nothing may go on using the data.
      for (const pid of this.#pids) signalProcess(pid, "SIGKILL");
    });
    // Writing to a keeper that is gone fails; what had to happen has happened by then.
    child.stdin?.on("error", () => undefined);
  }

  keep(pid: number): void {
    this.#pids.add(pid);
    this.#process.stdin?.write(`+${pid}\n`);
  }

  forget(pid: number): void {
    this.#pids.delete(pid);
    this.#process.stdin?.write(`-${pid}\n`);
  }

  /** Ends what is still kept, and lets go of the lock. */
  async release(): Promise<void> {
    this.#process.stdin?.end();
    await this.#ended;
  }
}
