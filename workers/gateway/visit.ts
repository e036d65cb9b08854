/**
 * One request's surroundings: the deployment it came to, the namespace it means, how to reach objects, and what this
 * gateway remembers between requests. Made once per request (`arrival.ts`), read by all doors. Knows no platform.
 */
import type { Random } from "../../src/support/random.ts";
import type { ObjectAddress, Transport } from "../adapters/port.ts";
import type { Config, LocationHint } from "../config.ts";
import type { Memory } from "./memory.ts";

export interface Visit {
  readonly config: Config;
  readonly namespace: string;
  /** All regions, nearest first. */
  readonly regions: readonly LocationHint[];
  readonly transport: Transport;
  readonly memory: Memory;
  readonly random: Random;
  /** Small requests to one replica may travel together (`coalescing.ts`). */
  readonly gathers: boolean;
  /** Requests need no token here. */
  readonly open: boolean;
  /** The data centre this gateway runs in, as far as it knows. */
  readonly dataCentre: string;
  /** This machine's clock, in ms. Deployed it stands still between I/O. */
  now(): number;
  /** Calls `then` after so many ms, unless the function it returns is called before. */
  after(ms: number, then: () => void): () => void;
  address(region: string): ObjectAddress;
  /** Work that may outlive the answer. */
  afterwards(work: Promise<unknown>): void;
}

export const pause = async (visit: Visit, ms: number): Promise<void> =>
  new Promise((resolve) => {
    visit.after(ms, resolve);
  });
