/** What a scenario consists of: the world, how the client is set, and what must come out. Times in ms since the start. */
import type { Random } from "../../src/support/random.ts";
import type { TimeSettings } from "../../src/time/settings.ts";
import type { BaseSpec } from "./clocks.ts";
import type { Result } from "./run.ts";

export interface SourceSpec {
  readonly name: string;
  /** One way, ms. */
  readonly out: (random: Random) => number;
  readonly back: (random: Random) => number;
  /** Its clock minus true time. */
  readonly error: (elapsedMs: number) => number;
  /** What it says of that. */
  readonly rootDispersionMs: number;
  readonly tickMs: number;
  /** The stamp of leaving is the stamp of coming, as where the clock stands still between input and output. */
  readonly frozen: boolean;
  readonly answers: (elapsedMs: number, random: Random) => boolean;
  readonly leap: (elapsedMs: number) => number;
  /** Two questions closer than this are answered "not so often". */
  readonly minIntervalMs: number;
}

export interface Limits {
  /** From then on the other limits hold. */
  readonly syncS: number;
  readonly maxMs: number;
  readonly rmsMs: number;
  readonly frequencyPpm?: number;
  /** Share of the seconds in which something must be promised; 0.95 unless said otherwise. */
  readonly known?: number;
}

/** What went wrong, by the name of the check that saw it. */
export interface Fault {
  readonly check: string;
  readonly detail: string;
}

export interface Scenario {
  readonly name: string;
  readonly seconds: number;
  readonly seed: number;
  readonly startUnixMs: number;
  readonly sources: readonly SourceSpec[];
  readonly base: BaseSpec;
  readonly settings: Partial<TimeSettings>;
  /** Added to true time: steps of the world's time, and leap seconds. */
  readonly civil: (elapsedMs: number) => number;
  /** The machine's own clock minus true time, if the client looks at it. */
  readonly wall: ((elapsedMs: number) => number) | null;
  /** Stamps travel as 64-bit NTP timestamps, and are read with a pivot in 2026. */
  readonly ntpStamps: boolean;
  /** Null: there is nothing that could be followed. */
  readonly limits: Limits | null;
  /** Where the limit comes from, and why it is another than there. */
  readonly why: string;
  /** When the world's own time goes back, `earliest` may. The estimate never does. */
  readonly recedes: (elapsedMs: number) => boolean;
  /** When nobody could know better: the world's time has jumped, and no round has been since. */
  readonly excused: (elapsedMs: number) => boolean;
  readonly judge: (result: Result) => readonly Fault[];
}

export const second = 1000;
