/**
 * JSON as Consul's agents read and write it. Names of members are taken in any case, and with underscores (`service_id`
 * for `ServiceID`), since old clients write them so; unknown ones are refused, as Consul does. Numbers are read digit by
 * digit: flags are uint64. Pure.
 */
import { textOf } from "../../src/support/bytes.ts";
import { strictJson } from "../gateway/strict-json.ts";
import { durationOf } from "./durations.ts";
import { ConsulError } from "./errors.ts";

/** A number as it was written. */
class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Reviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown;
/** The types of the language's library do not know yet that a reviver is told how a number was written ... */
const parse = JSON.parse as (text: string, reviver: Reviver) => unknown;
/** ... nor how to write one so. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

/** A whole number of any size, for an answer. @param digits checked before. */
export const exactly = (digits: string | bigint): unknown => rawJSON(String(digits));

const failed = (why: string): ConsulError => new ConsulError(400, `Request decode failed: ${why}`);

/** @returns undefined for an empty body. @throws {ConsulError} when it is not JSON, or says one thing twice. */
export function parsed(bytes: Uint8Array, failing: (why: string) => ConsulError = failed): unknown {
  const text = textOf(bytes);
  if (text === null) throw failing("the body is not UTF-8");
  if (text.trim() === "") return undefined;
  const checked = strictJson(text);
  if (!checked.ok) throw failing(checked.reason);
  return parse(text, (_, member, { source }) => (typeof member === "number" ? new NumberText(source ?? "") : member));
}

const folded = (name: string): string => name.toLowerCase().replaceAll("_", "");

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (value instanceof NumberText) return "number";
  return typeof value === "boolean" ? "bool" : typeof value;
}

/** An object whose members are read one by one, by Consul's names for them; `end` refuses what nobody read. */
export class Members {
  readonly #at: string;
  readonly #values = new Map<string, { readonly name: string; readonly value: unknown }>();
  readonly #read = new Set<string>();
  readonly #failing: (why: string) => ConsulError;

  /** @param at where the object stands, for people: "" or `Check.`. @throws {ConsulError} unless `value` is an object. */
  constructor(value: unknown, at = "", failing: (why: string) => ConsulError = failed) {
    this.#at = at;
    this.#failing = failing;
    if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof NumberText) {
      throw failing(`${at === "" ? "the body" : at.slice(0, -1)} must be an object, not ${kindOf(value)}`);
    }
    for (const [name, member] of Object.entries(value)) {
      if (this.#values.has(folded(name))) throw failing(`the member ${JSON.stringify(name.slice(0, 80))} stands twice`);
      this.#values.set(folded(name), { name, value: member });
    }
  }

  /** As it was sent; null is as good as absent. */
  value(name: string): unknown {
    const known = folded(name);
    this.#read.add(known);
    return this.#values.get(known)?.value ?? undefined;
  }

  has(name: string): boolean {
    return this.value(name) !== undefined;
  }

  text(name: string): string | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (typeof value === "string" && value.isWellFormed()) return value;
    throw this.#mismatch(name, value, "string");
  }

  flag(name: string): boolean | undefined {
    const value = this.value(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.#mismatch(name, value, "bool");
  }

  /** A whole number that fits the numbers of this language. */
  whole(name: string): number | undefined {
    const digits = this.digits(name);
    if (digits === undefined) return undefined;
    const number = Number(digits);
    if (Number.isSafeInteger(number)) return number;
    throw this.#mismatch(name, new NumberText(digits), "int");
  }

  /** A whole number as it was written. */
  digits(name: string): string | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (value instanceof NumberText && /^(0|-?[1-9][0-9]{0,19})$/.test(value.text)) return value.text;
    throw this.#mismatch(name, value, "int");
  }

  /** `"10s"`, or a number of nanoseconds. In nanoseconds. */
  duration(name: string): bigint | undefined {
    const value = this.value(name);
    if (value === undefined || value === "") return undefined;
    const read = typeof value === "string" ? durationOf(value) : null;
    if (read !== null) return read;
    if (typeof value === "string")
      throw this.fail(name, `time: invalid duration ${JSON.stringify(value.slice(0, 80))}`);
    return BigInt(this.digits(name) ?? "0");
  }

  texts(name: string): readonly string[] | undefined {
    return this.list(name)?.map((value) => {
      if (typeof value === "string" && value.isWellFormed()) return value;
      throw this.#mismatch(name, value, "string");
    });
  }

  list(name: string): readonly unknown[] | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw this.#mismatch(name, value, "[]");
    return value as readonly unknown[];
  }

  object(name: string): Members | undefined {
    const value = this.value(name);
    return value === undefined ? undefined : new Members(value, `${this.#at}${name}.`, this.#failing);
  }

  objects(name: string): readonly Members[] | undefined {
    return this.list(name)?.map((value, index) => new Members(value, `${this.#at}${name}.${index}.`, this.#failing));
  }

  /** Names that are the client's own: kept as they are. */
  entries(name: string): readonly (readonly [string, unknown])[] | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof NumberText) {
      throw this.#mismatch(name, value, "map");
    }
    return Object.entries(value);
  }

  textMap(name: string): Readonly<Record<string, string>> | undefined {
    const entries = this.entries(name);
    if (entries === undefined) return undefined;
    const checked = entries.map(([key, value]) => {
      if (typeof value === "string" && value.isWellFormed() && key.isWellFormed()) return [key, value] as const;
      throw this.#mismatch(`${name}.${key.slice(0, 80)}`, value, "string");
    });
    return Object.fromEntries(checked);
  }

  /** Members that Consul knows and that mean nothing here. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#read.add(folded(name));
  }

  /** @throws {ConsulError} for the first member that nobody has read. */
  end(): void {
    for (const [known, { name }] of this.#values) {
      if (!this.#read.has(known)) throw this.#failing(`json: unknown field ${JSON.stringify(`${this.#at}${name}`)}`);
    }
  }

  fail(name: string, why: string): ConsulError {
    return this.#failing(`${this.#at}${name}: ${why}`);
  }

  #mismatch(name: string, value: unknown, type: string): ConsulError {
    return this.#failing(`json: cannot unmarshal ${kindOf(value)} into field ${this.#at}${name} of type ${type}`);
  }
}
