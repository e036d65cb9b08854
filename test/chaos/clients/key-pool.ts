/**
 * The keys that all clients share at one time: few, so that they collide, and retired after some hundred calls, so that
 * every key's history stays small enough to be judged. Keys come in groups under one prefix, which listings read whole.
 */
import { integerBetween, type Random } from "../../../src/support/random.ts";

export interface Group {
  readonly prefix: string;
  readonly keys: readonly string[];
}

const groupsAtOnce = 2;
const keysOfGroup = 4;
const callsUntilRetired = 600;

/** Writes of unknown outcome in one group: each may take effect at any later time, or never, and so doubles the search. */
const doubtsUntilRetired = 16;

interface Current {
  readonly group: Group;
  calls: number;
  doubts: number;
}

export class KeyPool {
  readonly #all: Group[] = [];
  #current: readonly Current[] = [];

  constructor() {
    for (let slot = 0; slot < groupsAtOnce; slot += 1) this.#current = [...this.#current, this.#open()];
  }

  get all(): readonly Group[] {
    return this.#all;
  }

  draw(random: Random): { readonly group: Group; readonly key: string } {
    const current = this.#current[integerBetween(random, 0, groupsAtOnce - 1)];
    // The first key is asked for more often than the others.
    const at = random.next() < 0.25 ? 0 : integerBetween(random, 0, keysOfGroup - 1);
    const key = current?.group.keys[at];
    if (current === undefined || key === undefined) throw new Error("no key to draw");
    current.calls += 1;
    if (current.calls >= callsUntilRetired) this.#retire(current);
    return { group: current.group, key };
  }

  /** A write of this key ended as unknown. */
  doubt(key: string): void {
    const current = this.#current.find(({ group }) => group.keys.includes(key));
    if (current === undefined) return;
    current.doubts += 1;
    if (current.doubts >= doubtsUntilRetired) this.#retire(current);
  }

  #retire(retired: Current): void {
    this.#current = this.#current.map((one) => (one === retired ? this.#open() : one));
  }

  #open(): Current {
    const prefix = `g${this.#all.length}/`;
    const group = { prefix, keys: Array.from({ length: keysOfGroup }, (_, at) => `${prefix}${at}`) };
    this.#all.push(group);
    return { group, calls: 0, doubts: 0 };
  }
}
