/** Small predicates that the registry's validation is built of. They never throw: what they look at is foreign. Pure. */
import { isList, isText, isWhole } from "../store/json-shape.ts";

export { isList, isText, isWhole };

export interface Rejected {
  readonly type: "rejected";
  /** Names the part and what it may be; meant for the client. */
  readonly reason: string;
}

export const rejected = (reason: string): Rejected => ({ type: "rejected", reason });

export const isRejected = (value: object): value is Rejected => "type" in value && value.type === "rejected";

export const isPlainRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !isList(value);

export const isOneOf = <T extends string>(value: unknown, known: readonly T[]): value is T =>
  known.some((one) => one === value);

/** Pairs in the order of their names, or null when they are not texts under names, too many or too long. */
export function textPairs(
  value: unknown,
  most: number,
  nameCharacters: number,
  textCharacters: number,
): readonly (readonly [string, string])[] | null {
  if (!isPlainRecord(value)) return null;
  const pairs: (readonly [string, string])[] = [];
  for (const [name, text] of Object.entries(value)) {
    if (!isText(name, nameCharacters)) return null;
    if (text !== "" && !isText(text, textCharacters)) return null;
    pairs.push([name, text]);
  }
  return pairs.length > most ? null : inOrder(pairs);
}

export const inOrder = <T>(pairs: readonly (readonly [string, T])[]): readonly (readonly [string, T])[] =>
  pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
