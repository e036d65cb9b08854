/**
 * Timers of one request that are nearly always cancelled long before they ring. Setting one of the runtime's and clearing
 * it costs about as much as telling a watcher of an event; so they share one, which is let ring and then set anew for the
 * first of those that are left. Used where a request waits again and again (`shared-questions.ts`).
 */
import type { Visit } from "./visit.ts";

interface Wait {
  readonly at: number;
  readonly ring: () => void;
}

export class LazyTimers {
  readonly #visit: Visit;
  readonly #waits = new Set<Wait>();
  #ringsAt = Infinity;
  #stop = (): void => undefined;

  constructor(visit: Visit) {
    this.#visit = visit;
  }

  /** As `Visit.after`, but it may ring a little late when this machine's clock is set back. */
  after(ms: number, then: () => void): () => void {
    const wait = { at: this.#visit.now() + ms, ring: then };
    this.#waits.add(wait);
    this.#ringBy(wait.at);
    return () => this.#waits.delete(wait);
  }

  #ringBy(at: number): void {
    if (at >= this.#ringsAt) return;
    this.#stop();
    this.#ringsAt = at;
    this.#stop = this.#visit.after(Math.max(0, at - this.#visit.now()), () => this.#ring());
  }

  #ring(): void {
    this.#ringsAt = Infinity;
    const now = this.#visit.now();
    for (const wait of [...this.#waits]) {
      if (wait.at > now) this.#ringBy(wait.at);
      else if (this.#waits.delete(wait)) wait.ring();
    }
  }
}

const timers = new WeakMap<Visit, LazyTimers>();

/** Those of a request. */
export function lazyTimersOf(visit: Visit): LazyTimers {
  const known = timers.get(visit);
  if (known !== undefined) return known;
  const made = new LazyTimers(visit);
  timers.set(visit, made);
  return made;
}
