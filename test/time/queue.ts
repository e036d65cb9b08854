/** What happens next in virtual time: a binary heap, first come first served at one instant. */
interface Task {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

const before = (a: Task, b: Task): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

export class Queue {
  now: number;
  #order = 0;
  readonly #heap: Task[] = [];

  constructor(now: number) {
    this.now = now;
  }

  at(instant: number, run: () => void): void {
    this.#order += 1;
    const heap = this.#heap;
    const task = { at: Math.max(instant, this.now), order: this.#order, run };
    let place = heap.push(task) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !before(task, parent)) break;
      heap[place] = parent;
      place = above;
    }
    heap[place] = task;
  }

  /** Runs all tasks up to `end`. */
  runUntil(end: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.at <= end; first = this.#heap[0]) {
      this.#removeFirst();
      this.now = first.at;
      first.run();
    }
    this.now = end;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let place = 0;
    for (;;) {
      const left = heap[2 * place + 1];
      const right = heap[2 * place + 2];
      const smaller = left !== undefined && right !== undefined && before(right, left) ? right : left;
      if (smaller === undefined || !before(smaller, last)) break;
      heap[place] = smaller;
      place = smaller === left ? 2 * place + 1 : 2 * place + 2;
    }
    heap[place] = last;
  }
}
