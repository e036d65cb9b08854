/**
 * The calls that an order does not hold yet, and which of them may come next. Used by the search in `check.ts` alone.
 *
 * A precedes B if A returned before B was called (Herlihy & Wing 1990); equal times are concurrent. So a call may come
 * next if it was called no later than the earliest return among those still pending. Calls without an outcome have no
 * return: they may come any time after their beginning, and nothing waits for them.
 */
import { Chain, END } from "./chain.ts";
import type { Call } from "./history.ts";

/** Calls are named by their turn: those with an outcome by their return, the soonest first, then those without one. */
export class Pending<Input, Output> {
  /** By turn. */
  readonly calls: readonly Call<Input, Output>[];
  /** How many of them have an outcome. */
  readonly known: number;
  /** How many of these are not in the order yet. */
  left: number;
  /** Turns of the calls with an outcome, by their beginning. */
  readonly #turnOf: readonly number[];
  /** The inverse: their places by beginning, for each turn. */
  readonly #placeOf: readonly number[];
  readonly #byCall: Chain;
  readonly #byReturn: Chain;
  readonly #unknown: Chain;
  /** The calls with an outcome by the model's counter, and their places there. */
  readonly #byCounter: Chain;
  readonly #counterPlaceOf: readonly number[];
  readonly #lastCounters: readonly number[];
  /** The furthest place in the order so far. */
  #furthest = -1;
  /** What `#furthest` was before each taking. */
  readonly #before: number[] = [];
  readonly #unknownSets = new UnknownSets();

  constructor(calls: readonly Call<Input, Output>[], lastCounterFor: (output: Output) => number) {
    for (const call of calls) {
      if (call.output !== null && !(call.returnedAt >= call.calledAt)) {
        throw new Error(`a call of ${call.client} returned at ${call.returnedAt}, before it began at ${call.calledAt}`);
      }
    }
    const known = calls.filter((call) => call.output !== null).toSorted((a, b) => a.returnedAt - b.returnedAt);
    const unknown = calls.filter((call) => call.output === null).toSorted((a, b) => a.calledAt - b.calledAt);
    this.calls = [...known, ...unknown];
    this.known = known.length;
    this.left = known.length;
    this.#turnOf = [...known.keys()].toSorted((a, b) => this.#call(a).calledAt - this.#call(b).calledAt);
    this.#placeOf = inverse(this.#turnOf);
    const lasts = known.map(({ output }) => (output === null ? Infinity : lastCounterFor(output)));
    const byCounter = [...known.keys()].toSorted((a, b) => compare(at(lasts, a), at(lasts, b)));
    this.#counterPlaceOf = inverse(byCounter);
    this.#lastCounters = byCounter.map((turn) => at(lasts, turn));
    this.#byCounter = new Chain(known.length);
    this.#byCall = new Chain(known.length);
    this.#byReturn = new Chain(known.length);
    this.#unknown = new Chain(unknown.length);
  }

  /**
   * The next turn above `turn` that real time lets come now; -1 when there is none. Known outcomes come first and the
   * soonest return first among them, since that one holds up everything after it. Keeps nothing between calls, so the
   * search goes on where it was after going back.
   */
  nextAfter(turn: number): number {
    const earliest = this.#byReturn.first;
    const until = earliest === END ? Infinity : this.#call(earliest).returnedAt;
    if (turn < this.known - 1) {
      let best = END;
      for (let place = this.#byCall.first; place !== END; place = this.#byCall.after(place)) {
        const other = this.#turnAt(place);
        if (this.#call(other).calledAt > until) break;
        if (other > turn && (best === END || other < best)) best = other;
      }
      if (best !== END) return best;
    }
    const unknown = turn < this.known ? this.#unknown.first : this.#unknown.after(turn - this.known);
    if (unknown === END || this.#call(this.known + unknown).calledAt > until) return END;
    return this.known + unknown;
  }

  /** The highest counter of a state from which every pending call can still be reached. */
  get lastCounter(): number {
    const first = this.#byCounter.first;
    return first === END ? Infinity : at(this.#lastCounters, first);
  }

  take(turn: number): void {
    this.#before.push(this.#furthest);
    if (turn >= this.known) {
      this.#unknown.take(turn - this.known);
      this.#unknownSets.add(turn);
      return;
    }
    const place = this.#placeAt(turn);
    this.#byCall.take(place);
    this.#byReturn.take(turn);
    this.#byCounter.take(at(this.#counterPlaceOf, turn));
    this.#furthest = Math.max(this.#furthest, place);
    this.left -= 1;
  }

  /** Undoes the last `take`. */
  putBack(turn: number): void {
    this.#furthest = this.#before.pop() ?? -1;
    if (turn >= this.known) {
      this.#unknown.putBack(turn - this.known);
      this.#unknownSets.removeLast();
      return;
    }
    this.#byCounter.putBack(at(this.#counterPlaceOf, turn));
    this.#byCall.putBack(this.#placeAt(turn));
    this.#byReturn.putBack(turn);
    this.left += 1;
  }

  /**
   * Which calls are in the order, exactly, and short: all places up to the furthest, except those named. A call that is
   * left out below the furthest was pending when that one began, so there are no more exceptions than concurrent calls.
   */
  text(): string {
    let text = `${this.#unknownSets.current}:${this.#furthest}`;
    for (let place = this.#byCall.first; place !== END && place < this.#furthest; place = this.#byCall.after(place)) {
      text += `-${place}`;
    }
    return text;
  }

  #call(turn: number): Call<Input, Output> {
    return at(this.calls, turn);
  }

  #turnAt(place: number): number {
    return at(this.#turnOf, place);
  }

  #placeAt(turn: number): number {
    return at(this.#placeOf, turn);
  }
}

/**
 * The sets of calls without an outcome that were ever put into an order, numbered. Such calls are no prefix of anything:
 * some are in the order and some never will be. Writing them out with every state the search remembers would cost the
 * square of the history; written out once for each set, they cost what the search really did with them.
 */
class UnknownSets {
  readonly #numbers = new Map<string, number>([["", 0]]);
  /** The set after each addition: its sorted members and its number. */
  readonly #path: { readonly members: readonly number[]; readonly number: number }[] = [{ members: [], number: 0 }];

  get current(): number {
    return this.#top.number;
  }

  add(turn: number): void {
    const { members } = this.#top;
    const larger = [...members, turn].toSorted((a, b) => a - b);
    const text = larger.join(" ");
    const number = this.#numbers.get(text) ?? this.#numbers.size;
    this.#numbers.set(text, number);
    this.#path.push({ members: larger, number });
  }

  removeLast(): void {
    this.#path.pop();
  }

  get #top(): { readonly members: readonly number[]; readonly number: number } {
    return at(this.#path, this.#path.length - 1);
  }
}

/** Infinities are equal. */
function compare(a: number, b: number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function inverse(order: readonly number[]): readonly number[] {
  const places: number[] = Array.from({ length: order.length }, () => 0);
  for (const [place, item] of order.entries()) places[item] = place;
  return places;
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new Error(`nothing at ${index} of ${items.length}`);
  return item;
}
