/**
 * Reads of one key or a range of keys, as they are at one revision: sorted, bounded, counted. Used by transactions, which
 * must answer within one command, and by queries, which go on page by page. Never holds more than one page.
 */
import { revision } from "../support/brand.ts";
import type { ByteString, Revision } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import type { Entry } from "./command.ts";
import type { Keys, PageBounds, Span } from "./keys.ts";
import type { KeyRange, RangeQuery, RangeResult } from "./transaction.ts";

/** Where a page of a range goes on. In the order of keys that is a key, which stays right when keys come and go before it. */
export interface RangePlace {
  readonly after: ByteString | null;
  /** In any other order, so many entries were given before. */
  readonly skip: number;
}

export const rangeStart: RangePlace = { after: null, skip: 0 };

const asSpan = ({ key, end }: KeyRange, after: ByteString | null): Span => ({
  from: after ?? key,
  exclusive: after !== null,
  // Just after a key comes the same with one zero byte more.
  until: end ?? (`${key}\0` as ByteString),
});

export const inKeyOrder = ({ sort }: RangeQuery): boolean => sort.target === "key" && !sort.descending;

export class Ranges {
  readonly #keys: Keys;
  readonly #exists: boolean;

  /** @param exists false for a store that was never written to: it has no tables to read. */
  constructor(keys: Keys, exists: boolean) {
    this.#keys = keys;
    this.#exists = exists;
  }

  /** `more` of the answer also says that `bounds` left no room for the rest. Counts on the first page only. */
  read(query: RangeQuery, at: Revision, bounds: PageBounds, place: RangePlace = rangeStart): RangeResult {
    const first = place.after === null && place.skip === 0;
    const count = first ? this.count(query.range, at) : 0;
    if (query.countOnly || this.#isEmpty(query.range)) return { entries: [], more: false, count };
    const limit = query.limit === 0 ? bounds.limit : Math.min(query.limit, bounds.limit);
    const span = asSpan(query.range, place.after);
    const { rows, more } = this.#keys.page(span, at, { ...bounds, limit }, { ...query, skip: place.skip });
    return { entries: rows, more, count };
  }

  count(range: KeyRange, at: Revision, atMost: number = Number.MAX_SAFE_INTEGER): number {
    return this.#isEmpty(range) ? 0 : this.#keys.count(asSpan(range, null), at, atMost);
  }

  /** Keys, and bytes of keys and values, that reading at most so many of them would give. */
  measure(query: RangeQuery, at: Revision, atMost: number): { readonly keys: number; readonly bytes: number } {
    if (this.#isEmpty(query.range)) return { keys: 0, bytes: 0 };
    return this.#keys.measure(asSpan(query.range, null), at, atMost, { ...query, skip: 0 });
  }

  /** The first key of a range, without its value; null when there is none. */
  first(range: KeyRange, at: Revision): Entry | null {
    if (this.#isEmpty(range)) return null;
    const bounds = { limit: 1, maxBytes: limits.pageBytes };
    const { rows } = this.#keys.page(asSpan(range, null), at, bounds, { ...allOf(range), skip: 0, keysOnly: true });
    return rows[0] ?? null;
  }

  /** When anything in a range changed last, deletions included, as far as is known. */
  lastChange(range: KeyRange): Revision {
    return this.#isEmpty(range) ? revision(0) : this.#keys.lastChange(asSpan(range, null));
  }

  /** Every entry of a range in the order of keys, read a page at a time. */
  *each(range: KeyRange, at: Revision, keysOnly: boolean): Generator<Entry, void> {
    const query: RangeQuery = { ...allOf(range), keysOnly };
    for (let place = rangeStart; ;) {
      if (this.#isEmpty(range)) return;
      const { rows, more } = this.#keys.page(asSpan(range, place.after), at, walk, { ...query, skip: 0 });
      yield* rows;
      const last = rows.at(-1);
      if (!more || last === undefined) return;
      place = { after: last.key, skip: 0 };
    }
  }

  #isEmpty({ key, end }: KeyRange): boolean {
    return !this.#exists || (end !== null && end <= key);
  }
}

const walk: PageBounds = { limit: 500, maxBytes: limits.pageBytes };

/** All keys of a range, in their order, as they are now. */
export const allOf = (range: KeyRange): RangeQuery => ({
  range,
  limit: 0,
  revision: null,
  sort: { target: "key", descending: false },
  keysOnly: false,
  countOnly: false,
  minMod: 0,
  maxMod: 0,
  minCreate: 0,
  maxCreate: 0,
});
