/** What every client of a chaos run is handed, and how it goes on and on until it is told to end. */
import type { Random } from "../../../src/support/random.ts";
import type { Recording } from "../recording.ts";
import type { Twin } from "../twins.ts";
import type { KeyPool } from "./key-pool.ts";
import { pause } from "./pause.ts";

export interface Surroundings {
  /** Each region's gateway. A restarted region comes back on the same port. */
  readonly gateways: ReadonlyMap<string, string>;
  readonly recording: Recording;
  readonly keys: KeyPool;
  /** A client that lies or errs on purpose; null for honest ones. */
  readonly twin: Twin | null;
  /** True when clients shall finish what they are at, and no more. */
  readonly ending: () => boolean;
}

/** Thinking between two operations: long enough to leave the machine to the cluster, short enough to collide. */
const thinkMs = 40;

export async function keepGoing(
  { ending }: Surroundings,
  random: Random,
  act: () => Promise<void>,
  meanPauseMs = thinkMs,
): Promise<void> {
  while (!ending()) {
    await act();
    await pause(2 * meanPauseMs * random.next());
  }
}
