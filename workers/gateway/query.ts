/**
 * The query string, strictly: every parameter known, once, and well formed. Values are bytes, since prefixes need not be
 * text. Pure.
 */
import { textOf } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import { partsOf, percentDecoded } from "./paths.ts";
import { Problem } from "./problems.ts";

const invalid = (detail: string): Problem => new Problem("invalid-query", detail);

export class Query {
  readonly #values: ReadonlyMap<string, readonly Uint8Array<ArrayBuffer>[]>;

  /**
   * @param known the parameters this door takes. @param repeatable those of them that may stand several times.
   * @throws {Problem} for any other, for a second one, for broken escapes.
   */
  constructor(url: string, known: readonly string[], repeatable: readonly string[] = []) {
    const { query } = partsOf(url);
    if (query.length > limits.queryCharacters)
      throw invalid(`a query has at most ${limits.queryCharacters} characters`);
    const values = new Map<string, readonly Uint8Array<ArrayBuffer>[]>();
    for (const pair of query.split("&").filter((one) => one !== "")) {
      const end = pair.includes("=") ? pair.indexOf("=") : pair.length;
      const nameBytes = percentDecoded(pair.slice(0, end), " ");
      const name = nameBytes === null ? null : textOf(nameBytes);
      const value = percentDecoded(pair.slice(end + 1), " ");
      if (name === null || value === null) throw invalid("the query has a broken percent-escape, or needs one");
      if (!known.includes(name)) throw invalid(`unknown parameter ${JSON.stringify(name)}; ${listOf(known)}`);
      const before = values.get(name) ?? [];
      if (before.length > 0 && !repeatable.includes(name)) throw invalid(`${name} stands twice`);
      values.set(name, [...before, value]);
    }
    this.#values = values;
  }

  bytes(name: string): Uint8Array<ArrayBuffer> | null {
    return this.#values.get(name)?.[0] ?? null;
  }

  /** @throws {Problem} when the value is not UTF-8, or longer than `atMost` characters. */
  text(name: string, atMost: number): string | null {
    return this.texts(name, atMost)[0] ?? null;
  }

  /** All values of a parameter that may stand several times. @throws {Problem} as `text` does. */
  texts(name: string, atMost: number): readonly string[] {
    return (this.#values.get(name) ?? []).map((bytes) => {
      const text = textOf(bytes);
      if (text === null || text.length > atMost) throw invalid(`${name} must be text of at most ${atMost} characters`);
      return text;
    });
  }

  /** @throws {Problem} unless the value is a whole number in plain decimal, from `low` to `high`. */
  whole(name: string, low: number, high: number = Number.MAX_SAFE_INTEGER): number | null {
    const text = this.text(name, limits.queryCharacters);
    if (text === null) return null;
    const value = Number(text);
    if (!/^(0|[1-9][0-9]{0,15})$/.test(text) || !Number.isSafeInteger(value) || value < low || value > high) {
      throw invalid(`${name} must be a whole number from ${low} to ${high}`);
    }
    return value;
  }

  /** @throws {Problem} unless the value is "true" or "false". */
  flag(name: string): boolean {
    const text = this.text(name, limits.queryCharacters);
    if (text === null || text === "false") return false;
    if (text === "true") return true;
    throw invalid(`${name} must be true or false`);
  }
}

const listOf = (known: readonly string[]): string =>
  known.length === 0 ? "this door takes none" : `this door takes ${known.join(", ")}`;
