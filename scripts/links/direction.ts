/**
 * One direction between two regions: how long bytes travel, and whether they arrive at all. Shared by every connection
 * that sends something that way, whoever opened it.
 */
export interface Conditions {
  readonly cut: boolean;
  readonly delayMs: number;
}

/** The longest delay that can be asked for, so that a mistyped figure does not look like a dead link. */
export const maxDelayMs = 60_000;

export class Direction {
  readonly from: string;
  readonly to: string;
  #conditions: Conditions;
  readonly #usual: Conditions;
  readonly #watchers = new Set<() => void>();

  constructor(from: string, to: string, delayMs: number) {
    this.from = from;
    this.to = to;
    this.#usual = { cut: false, delayMs };
    this.#conditions = this.#usual;
  }

  get conditions(): Conditions {
    return this.#conditions;
  }

  set(change: { readonly cut?: boolean | undefined; readonly delayMs?: number | undefined }): void {
    const { cut, delayMs } = this.#conditions;
    this.#conditions = { cut: change.cut ?? cut, delayMs: change.delayMs ?? delayMs };
    for (const watcher of this.#watchers) watcher();
  }

  /** Back to how it was made. */
  heal(): void {
    this.set(this.#usual);
  }

  /** Calls `watcher` after every change, until the returned function is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }
}
