/**
 * What a comparison holds while it runs: processes, directories, sockets. Everything is given back when it ends, is
 * interrupted or fails; what a killed comparison leaves, the launchers' keeper ends. Used by `bench/main.ts`.
 */
import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Keeper } from "../../scripts/runtime/keeping.ts";

/** How long a process may take to end by itself before it is killed. */
const stopPatienceMs = 5_000;

export class Resources {
  readonly directory: string;
  readonly keeper: Keeper;
  readonly #undo: (() => void | Promise<void>)[] = [];
  #ending: Promise<void> | undefined;

  static async open(): Promise<Resources> {
    const directory = mkdtempSync(join(tmpdir(), "synod-bench-"));
    return new Resources(directory, await Keeper.lock(join(directory, "lock"), directory));
  }

  private constructor(directory: string, keeper: Keeper) {
    this.directory = directory;
    this.keeper = keeper;
    this.add(() => rmSync(directory, { recursive: true, force: true }));
    this.add(() => keeper.release());
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => void this.end().finally(() => process.exit(1)));
    }
  }

  /** @param undo called at the end, in the opposite order. */
  add(undo: () => void | Promise<void>): void {
    this.#undo.push(undo);
  }

  subdirectory(name: string): string {
    const path = join(this.directory, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** A process in a group of its own, so that Ctrl-C is answered here; ended with `signal`. */
  spawn(command: string, args: readonly string[], stdio: StdioOptions, signal: NodeJS.Signals): ChildProcess {
    const child = spawn(command, args, { stdio, detached: true });
    // What cannot be started shows in what follows: it has no process id.
    child.on("error", () => undefined);
    const { pid } = child;
    if (pid === undefined) throw new Error(`${command} cannot be started`);
    this.keeper.keep(pid);
    const ended = once(child, "close").then(() => this.keeper.forget(pid));
    this.add(async () => {
      child.kill(signal);
      const timer = setTimeout(() => child.kill("SIGKILL"), stopPatienceMs);
      await ended;
      clearTimeout(timer);
    });
    return child;
  }

  async end(): Promise<void> {
    this.#ending ??= this.#endAll();
    return this.#ending;
  }

  async #endAll(): Promise<void> {
    for (let step = this.#undo.pop(); step !== undefined; step = this.#undo.pop()) await step();
  }
}
