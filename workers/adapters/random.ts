/** Randomness from the platform's generator, for the core's one source of it. */
import type { Random } from "../../src/support/random.ts";

export const platformRandom: Random = {
  next() {
    const [word = 0] = crypto.getRandomValues(new Uint32Array(1));
    return word / 2 ** 32;
  },
};
