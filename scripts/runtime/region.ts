/**
 * One region of a cluster as a process that comes and goes: started, killed from inside or outside, started again on the
 * same ports and the same data. Called by `cluster.ts` alone.
 */
import { AddressInUse } from "./errors.ts";
import type { Keeper } from "./keeping.ts";
import { findPort } from "./ports.ts";
import { RuntimeProcess } from "./process.ts";
import { untilAnswering } from "./ready.ts";

export interface RegionOptions {
  readonly region: string;
  readonly storageDirectory: string;
  readonly keeper: Keeper;
  /** 0: one is found. */
  readonly port: number;
  /** Writes the configuration for these ports, and says where. */
  readonly configure: (ports: { readonly gateway: number; readonly door: number }) => string;
  readonly log: (line: string) => void;
}

/** How often a found port may turn out to be taken after all. */
const portAttempts = 5;

export class Region {
  readonly #options: RegionOptions;
  #gatewayPort: number;
  #doorPort = 0;
  #runtime: RuntimeProcess | undefined;
  /** One start or end at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: RegionOptions) {
    this.#options = options;
    this.#gatewayPort = options.port;
  }

  get name(): string {
    return this.#options.region;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#gatewayPort}`;
  }

  get doorPort(): number {
    return this.#doorPort;
  }

  /** The process that runs it, or ran it last. */
  get pid(): number {
    return this.#runtime?.pid ?? 0;
  }

  /** First start: finds the ports that were left open. */
  async start(): Promise<void> {
    return this.#inTurn(async () => {
      for (let attempt = 1; ; attempt += 1) {
        if (this.#options.port === 0) this.#gatewayPort = await findPort();
        this.#doorPort = await findPort();
        try {
          await this.#launch();
          return;
        } catch (error) {
          if (!(error instanceof AddressInUse) || attempt === portAttempts) throw error;
          // A port that was asked for is the caller's to change. With one found, somebody else was quicker.
          if (error.socket === "gateway" && this.#options.port !== 0) throw error;
        }
      }
    });
  }

  /** Starts it again on the same ports; one that still runs is killed first. */
  async restart(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#kill();
      await this.#launch();
    });
  }

  /** After SIGKILL the process is gone when this settles; other signals are only sent. */
  async signal(name: NodeJS.Signals): Promise<void> {
    return this.#inTurn(async () => {
      if (name === "SIGKILL") await this.#kill();
      else this.#runtime?.signal(name);
    });
  }

  async stop(): Promise<void> {
    return this.#inTurn(async () => {
      const runtime = this.#runtime;
      this.#runtime = undefined;
      await runtime?.stop();
    });
  }

  async #launch(): Promise<void> {
    const { region, storageDirectory, keeper, configure, log } = this.#options;
    const ports = { gateway: this.#gatewayPort, door: this.#doorPort };
    const configFile = configure(ports);
    const runtime = await RuntimeProcess.start({
      configFile,
      storageDirectory,
      sockets: Object.keys(ports),
      keeper,
      log,
    }).catch((error: unknown) => {
      if (!(error instanceof AddressInUse)) throw error;
      const port = error.socket === "gateway" ? ports.gateway : ports.door;
      throw new AddressInUse(error.socket, `port ${port} of region ${region} is already in use`);
    });
    this.#runtime = runtime;
    void runtime.ended.then((end) => {
      // A stop was asked for if this is no longer the one that runs the region.
      if (this.#runtime === runtime) log(`the runtime ${end}`);
    });
    await untilAnswering(this.url, runtime);
  }

  async #kill(): Promise<void> {
    const runtime = this.#runtime;
    if (runtime === undefined || !runtime.alive) return;
    runtime.signal("SIGKILL");
    await runtime.ended;
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
