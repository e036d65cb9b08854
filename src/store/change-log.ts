/**
 * What the batch under way has changed so far. A lease may end with more keys than fit the memory of an object, so only one
 * part of the list is held here: the others are written as they fill. Used by the store's apply.
 */
import type { ByteString } from "../support/brand.ts";
import { PartWriter } from "./changes.ts";
import type { Change } from "./changes.ts";

/** Keys changed since they were last asked for; null: more than are kept count of. */
export type Touched = readonly ByteString[] | null;
export const mostTouched = 10_000;

export class ChangeLog {
  readonly #writer: PartWriter;
  #first: string | null = null;
  #length = 0;
  #touched: ByteString[] | null = [];

  /** @param insert writes a part that does not fit the batch's own row. */
  constructor(insert: (part: number, rows: string) => void) {
    let parts = 0;
    this.#writer = new PartWriter((rows) => {
      if (this.#first === null) this.#first = rows;
      else {
        insert(parts, rows);
        parts += 1;
      }
    });
  }

  get length(): number {
    return this.#length;
  }

  push(change: Change): void {
    this.#length += 1;
    this.#writer.add(change);
    if (this.#touched !== null && this.#length <= mostTouched) this.#touched.push(change.key);
    else this.#touched = null;
  }

  /** Ends the batch. @returns the first part, which goes into its row; null when nothing was changed. */
  end(): string | null {
    this.#writer.flush();
    return this.#first;
  }

  get touched(): Touched {
    return this.#touched;
  }
}
