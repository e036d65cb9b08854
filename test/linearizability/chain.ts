/**
 * A doubly linked list of the numbers below `size`, in order, from which numbers are taken out and put back in the
 * reverse order ("dancing links"): what lets the search of `check.ts` go back a step at constant cost. Nothing else
 * uses it. `END` follows the last number.
 */
export const END = -1;

export class Chain {
  /** One place more than numbers: place 0 is before the first and after the last. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  constructor(size: number) {
    this.#next = Int32Array.from({ length: size + 1 }, (_, place) => (place === size ? 0 : place + 1));
    this.#previous = Int32Array.from({ length: size + 1 }, (_, place) => (place === 0 ? size : place - 1));
  }

  get first(): number {
    return this.after(END);
  }

  /** The number after one that is in the list. */
  after(number: number): number {
    return (this.#next[number + 1] ?? 0) - 1;
  }

  take(number: number): void {
    const [before, after] = this.#around(number);
    this.#next[before] = after;
    this.#previous[after] = before;
  }

  /** Only of the number taken last among those still out: its neighbours are then as it left them. */
  putBack(number: number): void {
    const [before, after] = this.#around(number);
    this.#next[before] = number + 1;
    this.#previous[after] = number + 1;
  }

  #around(number: number): [number, number] {
    return [this.#previous[number + 1] ?? 0, this.#next[number + 1] ?? 0];
  }
}
