/** Words for transactions, as short as tests want them. */
import type { Compare, KeyRange, RangeQuery, Transaction, TxnOperation } from "../../../src/store/transaction.ts";
import { allOf } from "../../../src/store/ranges.ts";
import { leaseId } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { key } from "./driver.ts";

/** One key, or all from it up to another. */
export const rangeFrom = (name: string, end?: string): KeyRange => ({
  key: key(name),
  end: end === undefined ? null : key(end),
});

export const queryOf = (range: KeyRange, parts: Partial<RangeQuery> = {}): RangeQuery => ({
  ...allOf(range),
  ...parts,
});

export const transaction = (
  compares: readonly Compare[],
  success: readonly TxnOperation[] = [],
  failure: readonly TxnOperation[] = [],
): Transaction => ({ compares, success, failure });

interface PutStep {
  readonly lease?: string;
  readonly previous?: boolean;
}

/** @param value null: the one it has. @param lease "keep": the one it has. */
export const putStep = (
  name: string,
  value: string | null,
  { lease, previous = false }: PutStep = {},
): TxnOperation => ({
  type: "put",
  key: key(name),
  value: value === null ? null : utf8(value),
  lease: lease === undefined ? null : lease === "keep" ? "keep" : leaseId(lease),
  previous,
});

export const deleteStep = (name: string, end?: string, previous = false): TxnOperation => ({
  type: "delete",
  range: rangeFrom(name, end),
  previous,
});

export const rangeStep = (name: string, end?: string, parts: Partial<RangeQuery> = {}): TxnOperation => ({
  type: "range",
  query: queryOf(rangeFrom(name, end), parts),
});

export const nest = (inner: Transaction): TxnOperation => ({ type: "txn", transaction: inner });

/** That the key exists, which an absent one's version of 0 is not. */
export const exists = (name: string): Compare => ({
  range: rangeFrom(name),
  result: "greater",
  operand: { type: "version", number: 0 },
});
