/** A bounded memory that forgets what was used least recently. Bounded in entries and in weight. Knows no time. */
export class Lru<Value> {
  readonly #most: number;
  readonly #mostWeight: number;
  readonly #entries = new Map<string, { readonly value: Value; readonly weight: number }>();
  #weight = 0;

  constructor(most: number, mostWeight = Infinity) {
    this.#most = most;
    this.#mostWeight = mostWeight;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Value | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    // A map keeps the order of insertion: last in is last used.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** @param weight what the entry costs; one above the whole bound is not kept. */
  set(key: string, value: Value, weight = 1): void {
    this.delete(key);
    if (weight > this.#mostWeight) return;
    this.#entries.set(key, { value, weight });
    this.#weight += weight;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#most && this.#weight <= this.#mostWeight) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#weight -= this.#entries.get(key)?.weight ?? 0;
    this.#entries.delete(key);
  }
}
