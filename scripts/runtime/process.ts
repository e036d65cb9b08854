/**
 * One process of the platform's open runtime (workerd): started, waited for until its sockets listen, and ended. Called
 * by the launchers; knows nothing of regions.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { storageName } from "./config.ts";
import { AddressInUse, LauncherError } from "./errors.ts";
import type { Keeper } from "./keeping.ts";

/** The runtime's last words that are kept to explain an unexpected end. */
const printedLimit = 16_384;

/** How long a runtime may take to end by itself before it is killed. */
const stopPatienceMs = 2_000;

export interface RuntimeOptions {
  readonly configFile: string;
  readonly storageDirectory: string;
  /** The sockets named in the configuration. */
  readonly sockets: readonly string[];
  readonly keeper: Keeper;
  /** Receives what the Worker and the runtime print, a line at a time. */
  readonly log: (line: string) => void;
}

export class RuntimeProcess {
  readonly pid: number;
  /** Settles with a description of how the process ended. Never rejects. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  #alive = true;
  #printed = "";
  #listens = false;
  readonly #ports = new Map<string, number>();

  static async start(options: RuntimeOptions): Promise<RuntimeProcess> {
    const runtime = new RuntimeProcess(options);
    const end = await Promise.race([runtime.#listening(options.sockets), runtime.ended]);
    if (end === undefined) {
      runtime.#listens = true;
      return runtime;
    }
    const socket = /Socket "([^"]*)".*address already in use/i.exec(runtime.#printed)?.[1];
    if (socket !== undefined) throw new AddressInUse(socket, `the address of ${socket} is already in use`);
    throw new LauncherError(`the runtime ${end}\n${runtime.lastWords}`);
  }

  private constructor({ configFile, storageDirectory, keeper, log }: RuntimeOptions) {
    const args = ["serve", "--control-fd=3", `--directory-path=${storageName}=${storageDirectory}`, configFile];
    this.#child = spawn(runtimeBinary(), args, {
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      // A group of its own: Ctrl-C in the terminal is for the launcher to answer.
      detached: true,
      env: { TZ: "UTC" },
    });
    // A failure to start or to signal shows in what follows: no process id, no end.
    this.#child.on("error", () => undefined);
    const pid = this.#child.pid;
    if (pid === undefined) throw new LauncherError("the runtime cannot be started");
    this.pid = pid;
    keeper.keep(pid);
    this.ended = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => {
        this.#alive = false;
        keeper.forget(pid);
        resolve(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`);
      });
    });
    const hear = (line: string): void => {
      this.#printed = `${this.#printed}${line}\n`.slice(-printedLimit);
      // A runtime that never listens is explained by the error instead.
      if (this.#listens) log(line);
    };
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on("line", hear);
    }
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** The end of what the process printed. */
  get lastWords(): string {
    return this.#printed.trimEnd();
  }

  port(socket: string): number {
    const port = this.#ports.get(socket);
    if (port === undefined) throw new Error(`no socket named ${socket}`);
    return port;
  }

  signal(name: NodeJS.Signals): void {
    if (this.#alive) this.#child.kill(name);
  }

  /** Asks it to end, and makes it after a while. */
  async stop(): Promise<void> {
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), stopPatienceMs);
    await this.ended;
    clearTimeout(timer);
  }

  /** Settles when all sockets listen. The runtime says so on descriptor 3, one JSON object a line. */
  async #listening(sockets: readonly string[]): Promise<undefined> {
    for await (const line of createInterface({ input: this.#child.stdio[3] as Readable })) {
      const message = JSON.parse(line) as {
        readonly event: string;
        readonly socket: string;
        readonly port: number;
      };
      if (message.event === "listen") this.#ports.set(message.socket, message.port);
      if (sockets.every((socket) => this.#ports.has(socket))) return undefined;
    }
    // The descriptor closed early: the process is ending, and `ended` tells how.
    await this.ended;
    return new Promise(() => undefined);
  }
}

/** The runtime's binary for this machine, as its package finds it. */
function runtimeBinary(): string {
  const found = createRequire(import.meta.url)("workerd") as { readonly default: string };
  return found.default;
}
