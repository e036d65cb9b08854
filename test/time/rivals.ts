/** How others would have told the time from the same answers: estimators without a promise, each with the bound it implies. */
import type { Answer } from "../../src/time/answer.ts";
import { ClockFilter } from "../../src/time/clock-filter.ts";
import { cluster, combine } from "../../src/time/combine.ts";
import { dispersionOf, exchange } from "../../src/time/exchange.ts";
import { rootDistance } from "../../src/time/root-distance.ts";
import { intersectMidpoints } from "./rfc5905.ts";

export interface Guess {
  /** Unix time minus the base. */
  readonly offset: number;
  readonly bound: number;
}

export interface Rival {
  readonly name: string;
  answered(source: string, answer: Answer): void;
  /** A round is over. @returns null when it keeps what it had. */
  concluded(now: number): Guess | null;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** npm's `timesync`: drops round trips of a deviation above the median, averages the rest, then the peers; jumps. */
export class Averaging implements Rival {
  readonly name = "averaging (npm timesync)";
  #answers = new Map<string, Answer[]>();

  answered(source: string, answer: Answer): void {
    this.#answers.set(source, [...(this.#answers.get(source) ?? []), answer]);
  }

  concluded(): Guess | null {
    const peers = [...this.#answers.values()].map((answers) => {
      const exchanges = answers.map((answer) => exchange(answer));
      const delays = exchanges.map(({ delay }) => delay).toSorted((a, b) => a - b);
      const middle = delays[Math.floor(delays.length / 2)] ?? 0;
      const deviation = Math.sqrt(mean(delays.map((delay) => (delay - mean(delays)) ** 2)));
      const kept = exchanges.filter(({ delay }) => delay <= middle + deviation);
      return { offset: mean(kept.map(({ offset }) => offset)), delay: mean(kept.map(({ delay }) => delay)) };
    });
    this.#answers = new Map();
    if (peers.length === 0) return null;
    return { offset: mean(peers.map(({ offset }) => offset)), bound: mean(peers.map(({ delay }) => delay)) / 2 };
  }
}

/** The answer with the shortest way of all: plain minimum-delay filtering. */
export class LeastDelay implements Rival {
  readonly name = "least delay";
  #best: Guess | null = null;

  answered(_: string, answer: Answer): void {
    const { offset, delay } = exchange(answer);
    if (this.#best === null || delay / 2 < this.#best.bound) this.#best = { offset, bound: delay / 2 };
  }

  concluded(): Guess | null {
    const best = this.#best;
    this.#best = null;
    return best;
  }
}

/** RFC 5905 as printed, up to its loop: clock filter, intersection with midpoints, cluster, combine. */
export class Rfc5905 implements Rival {
  readonly name = "RFC 5905";
  readonly #filters = new Map<string, { readonly filter: ClockFilter; answer: Answer }>();

  answered(source: string, answer: Answer): void {
    const known = this.#filters.get(source);
    const filter = known?.filter ?? new ClockFilter(1, 1000);
    this.#filters.set(source, { filter, answer });
    const { offset, delay } = exchange(answer);
    filter.add({ offset, delay, dispersion: dispersionOf(0.001, answer.tickMs, answer.t4 - answer.t1), at: answer.t4 });
  }

  concluded(now: number): Guess | null {
    const candidates = [...this.#filters.values()].flatMap(({ filter, answer }) => {
      const filtered = filter.read(now);
      if (filtered === null) return [];
      const root = { rootDelay: answer.rootDelayMs, rootDispersion: answer.rootDispersionMs };
      return [{ ...filtered, distance: rootDistance(root, filtered, now, 1000) }];
    });
    const selected = intersectMidpoints(candidates);
    const survivors = (selected?.survivors ?? []).flatMap((position) => candidates[position] ?? []);
    const [best, ...others] = cluster(survivors.toSorted((a, b) => a.distance - b.distance));
    return best === undefined ? null : { offset: combine([best, ...others]).offset, bound: best.distance };
  }
}
