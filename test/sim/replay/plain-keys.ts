/** The keys of one revision, and how ranges of them are read, as plainly as possible. Used by the other plain models. */
import type { Entry } from "../../../src/store/command.ts";
import type { ByteString } from "../../../src/support/brand.ts";
import type { KeyRange } from "../../../src/store/transaction.ts";

export type Keys = ReadonlyMap<ByteString, Entry>;

export const isWithin = ({ key, end }: KeyRange, one: ByteString): boolean =>
  end === null ? one === key : one >= key && one < end;

export const entriesIn = (keys: Keys, range: KeyRange): readonly Entry[] =>
  [...keys.values()].filter(({ key }) => isWithin(range, key)).toSorted((a, b) => (a.key < b.key ? -1 : 1));

/** The place that came first. */
export const firstPlace = (keys: Keys, queue: ByteString): Entry | undefined =>
  [...keys.values()].filter(({ key }) => key.startsWith(queue)).toSorted((a, b) => (a.key < b.key ? -1 : 1))[0];

export function lexical(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) if (a[i] !== b[i]) return (a[i] ?? 0) - (b[i] ?? 0);
  return a.length - b.length;
}
