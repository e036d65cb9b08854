/**
 * JSON as Go's decoder reads it from a body: one value after another, whatever follows the last one that is wanted, and
 * numbers digit by digit, since an int64 does not fit the numbers of this language. Pure.
 */
import { EtcdError, failing } from "./errors.ts";

/** A number as it was written. */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Reviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown;
/** The types of the language's library do not know yet that a reviver is told how a number was written. */
const parse = JSON.parse as (text: string, reviver: Reviver) => unknown;

/** @throws {EtcdError} when it is not JSON. */
export function parseExactly(text: string): unknown {
  try {
    return parse(text, (_, value, { source }) => (typeof value === "number" ? new NumberText(source ?? "") : value));
  } catch {
    // Also when it nests so deep that nobody can read it.
    throw new EtcdError(3, "invalid character in JSON");
  }
}

const decoder = new TextDecoder();
const [quote, backslash] = [0x22, 0x5c];
const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
const opens = (byte: number): boolean => byte === 0x7b || byte === 0x5b;
const closes = (byte: number): boolean => byte === 0x7d || byte === 0x5d;
/** What a value may begin with: a bracket, a text, a number, true, false, null. */
const begins = /^[{["\-0-9tfn]/;

/** Cuts a stream of bytes into values, holding no more than one of them. */
export class Values {
  readonly #atMost: number;
  /** What came of the value that has begun. */
  #held: Uint8Array[] = [];
  #size = 0;
  #depth = 0;
  #inText = false;
  #escaped = false;

  /** @param atMost bytes of one value. */
  constructor(atMost: number) {
    this.#atMost = atMost;
  }

  /** The values that end with these bytes, as text. @throws {EtcdError} when one is too large, or begins wrong. */
  *take(bytes: Uint8Array): Generator<string, void> {
    let from = 0;
    for (const [at, byte] of bytes.entries()) {
      const begun = this.#size > 0 || at > from;
      // A bare word or number ends where something else begins.
      if (begun && this.#depth === 0 && !this.#inText && (isSpace(byte) || opens(byte))) {
        this.#hold(bytes.subarray(from, at));
        yield this.#cut();
        from = at;
      }
      if (this.#size === 0 && at === from) {
        if (isSpace(byte)) {
          from = at + 1;
          continue;
        }
        if (!begins.test(String.fromCharCode(byte))) throw invalid(byte);
      }
      if (!this.#ends(byte)) continue;
      this.#hold(bytes.subarray(from, at + 1));
      yield this.#cut();
      from = at + 1;
    }
    this.#hold(bytes.subarray(from));
  }

  /** What is left when the stream is over. @throws {EtcdError} when that is half a value. */
  end(): string | null {
    if (this.#size === 0) return null;
    if (this.#depth > 0 || this.#inText) throw new EtcdError(3, "unexpected EOF");
    return this.#cut();
  }

  /** True when the value ends with this byte. */
  #ends(byte: number): boolean {
    if (this.#inText) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === backslash) this.#escaped = true;
      else if (byte === quote) this.#inText = false;
      return !this.#inText && this.#depth === 0;
    }
    if (byte === quote) this.#inText = true;
    else if (opens(byte)) this.#depth += 1;
    else if (closes(byte)) {
      this.#depth -= 1;
      return this.#depth === 0;
    }
    return false;
  }

  #hold(bytes: Uint8Array): void {
    this.#held.push(bytes);
    this.#size += bytes.length;
    if (this.#size > this.#atMost) throw failing.messageTooLarge(this.#atMost);
  }

  #cut(): string {
    const whole = new Uint8Array(this.#size);
    let at = 0;
    for (const part of this.#held) {
      whole.set(part, at);
      at += part.length;
    }
    this.#held = [];
    this.#size = 0;
    this.#depth = 0;
    return decoder.decode(whole);
  }
}

const invalid = (byte: number): EtcdError =>
  new EtcdError(3, `invalid character '${String.fromCharCode(byte)}' looking for beginning of value`);

/** The first value of a body, as Go's gateway reads it: what follows is nobody's. Null when there is none. @throws {EtcdError} */
export async function firstValue(
  body: ReadableStream<Uint8Array> | null,
  atMost: number,
): Promise<{ readonly text: string; readonly value: unknown }> {
  const values = new Values(atMost);
  for await (const bytes of body ?? []) {
    for (const text of values.take(bytes)) return { text, value: parseExactly(text) };
  }
  const text = values.end();
  return text === null ? { text: "", value: null } : { text, value: parseExactly(text) };
}
