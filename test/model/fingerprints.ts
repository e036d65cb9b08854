/**
 * A set of texts that remembers 128 bits of each instead of the text: millions of states fit in memory. The bits are
 * those of MurmurHash3 (x86, 128 bits), which spreads like chance but resists no adversary: no states are chosen to
 * collide. Two of n texts share their fingerprint with a probability of about n² / 2^129: for a hundred million states
 * less than 1 in 10^22. A collision would hide a state; it could never invent a violation.
 */

const initialCapacity = 1 << 12;
const words = 4;

export class Fingerprints {
  /** Open addressing, four words for each entry; all zero is free. */
  #table = new Uint32Array(initialCapacity * words);
  #mask = initialCapacity - 1;
  #size = 0;
  readonly #print = new Uint32Array(words);

  get size(): number {
    return this.#size;
  }

  /** @returns false when the text was there already. */
  add(text: string): boolean {
    const print = this.#print;
    fingerprint(text, print);
    if (!this.#insert(print, 0)) return false;
    this.#size += 1;
    if (this.#size * 3 > (this.#mask + 1) * 2) this.#grow();
    return true;
  }

  #insert(from: Uint32Array, offset: number): boolean {
    const table = this.#table;
    const [a, b, c, d] = [from[offset], from[offset + 1], from[offset + 2], from[offset + 3]];
    for (let entry = (a ?? 0) & this.#mask; ; entry = (entry + 1) & this.#mask) {
      const at = entry * words;
      if (table[at] === a && table[at + 1] === b && table[at + 2] === c && table[at + 3] === d) return false;
      if (table[at] === 0 && table[at + 1] === 0 && table[at + 2] === 0 && table[at + 3] === 0) {
        table.set(from.subarray(offset, offset + words), at);
        return true;
      }
    }
  }

  #grow(): void {
    const before = this.#table;
    this.#table = new Uint32Array(before.length * 2);
    this.#mask = this.#mask * 2 + 1;
    for (let at = 0; at < before.length; at += words) {
      if (before[at] === 0 && before[at + 1] === 0 && before[at + 2] === 0 && before[at + 3] === 0) continue;
      this.#insert(before, at);
    }
  }
}

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

const scramble = (x: number): number => {
  let y = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  y = Math.imul(y ^ (y >>> 13), 0xc2b2ae35);
  return y ^ (y >>> 16);
};

const c1 = 0x239b961b;
const c2 = 0xab0e9789;
const c3 = 0x38b34ae5;
const c4 = 0xa1e38b93;

/** Two characters make one word of a block; the tail is filled with zeros, and the length tells it apart. */
function fingerprint(text: string, into: Uint32Array): void {
  let [h1, h2, h3, h4] = [0, 0, 0, 0];
  const word = (at: number): number =>
    (at < text.length ? text.charCodeAt(at) : 0) | (at + 1 < text.length ? text.charCodeAt(at + 1) << 16 : 0);
  for (let at = 0; at < text.length; at += 2 * words) {
    h1 ^= Math.imul(rotate(Math.imul(word(at), c1), 15), c2);
    h1 = (Math.imul(rotate(h1, 19) + h2, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(rotate(Math.imul(word(at + 2), c2), 16), c3);
    h2 = (Math.imul(rotate(h2, 17) + h3, 5) + 0x0bcaa747) | 0;
    h3 ^= Math.imul(rotate(Math.imul(word(at + 4), c3), 17), c4);
    h3 = (Math.imul(rotate(h3, 15) + h4, 5) + 0x96cd1c35) | 0;
    h4 ^= Math.imul(rotate(Math.imul(word(at + 6), c4), 18), c1);
    h4 = (Math.imul(rotate(h4, 13) + h1, 5) + 0x32ac3b17) | 0;
  }
  h1 ^= text.length;
  h2 ^= text.length;
  h3 ^= text.length;
  h4 ^= text.length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  h3 = (h3 + h1) | 0;
  h4 = (h4 + h1) | 0;
  h1 = scramble(h1);
  h2 = scramble(h2);
  h3 = scramble(h3);
  h4 = scramble(h4);
  h1 = (h1 + h2 + h3 + h4) | 0;
  into[0] = h1;
  into[1] = h2 + h1;
  into[2] = h3 + h1;
  // All zero means a free entry.
  into[3] = h1 === 0 && h2 === 0 && h3 === 0 && h4 === 0 ? 1 : h4 + h1;
}
