/**
 * How much the watches of one stream may hold for a client that has not taken it yet. Who finds no room lets go of what it
 * has, waits, and asks again. Pure but for the waiting.
 */
export interface Taken {
  readonly size: number;
  add(bytes: number): void;
  release(): void;
}

export class Room {
  readonly #most: number;
  #held = 0;
  #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  get #full(): boolean {
    return this.#held >= this.#most;
  }

  /** Settles once there is room. */
  async free(): Promise<void> {
    while (this.#full) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  /** @returns null when there is none. The last one in may hold more than was left. */
  take(bytes: number): Taken | null {
    if (this.#full) return null;
    let size = 0;
    const add = (more: number): void => {
      size += more;
      this.#held += more;
    };
    add(bytes);
    return {
      get size() {
        return size;
      },
      add,
      release: () => {
        add(-size);
        const waiting = this.#waiting;
        this.#waiting = [];
        for (const wake of waiting) wake();
      },
    };
  }
}
