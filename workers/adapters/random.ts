/** Randomness from the platform's generator, for the core's one source of it. */
import type { Random } from "../../src/support/random.ts";

/** Drawn many at a time: a call of the generator costs far more than a word. */
const words = new Uint32Array(1024);
let left = 0;

export const platformRandom: Random = {
  next() {
    if (left === 0) {
      crypto.getRandomValues(words);
      left = words.length;
    }
    left -= 1;
    const word = words[left] ?? 0;
    // None is kept once it has been given away.
    words[left] = 0;
    return word / 2 ** 32;
  },
};
