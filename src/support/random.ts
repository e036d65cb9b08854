/**
 * Randomness as an input. The core draws only from what its shell hands it: the platform's generator in production, a
 * seeded one in tests, so that a seed replays.
 */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

/** Seeded generator (sfc32, 128 bits of state): same seed, same sequence, everywhere. */
export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = 0xb7e15162 ^ Math.floor(seed / 2 ** 32);
  let d = seed >>> 0;
  const draw = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 15; i += 1) draw();
  return { next: () => draw() / 2 ** 32 };
}

/** A whole number from `low` to `high`, both included. */
export const integerBetween = (random: Random, low: number, high: number): number =>
  low + Math.floor(random.next() * (high - low + 1));

/** 128 random bits as 26 characters: an identity nobody else has. */
export function randomIdentity(random: Random): string {
  let identity = "";
  for (let i = 0; i < 26; i += 1) identity += "0123456789abcdefghjkmnpqrstvwxyz".charAt(integerBetween(random, 0, 31));
  return identity;
}
