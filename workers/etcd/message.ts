/**
 * Reading a protobuf message from JSON as golang/protobuf's jsonpb does, which etcd's gateway uses: both spellings of a
 * name, unknown members ignored, null for absent, int64 as text or number, bytes in padded base64, enums by name or
 * number. Each field is read by who needs it; all of a request's fields are read before it is judged. Pure.
 */
import { bytesOf } from "../../src/support/bytes.ts";
import { EtcdError } from "./errors.ts";
import { NumberText } from "./json.ts";

/** The names of an enum's values, in the order of their numbers. */
export interface Enumeration {
  readonly name: string;
  readonly values: readonly string[];
}

const mismatch = (value: unknown, type: string): EtcdError =>
  new EtcdError(3, `json: cannot unmarshal ${kindOf(value)} into Go value of type ${type}`);

function kindOf(value: unknown): string {
  if (value instanceof NumberText) return "number";
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

const [least, most] = [-(2n ** 63n), 2n ** 63n - 1n];
const noBytes = new Uint8Array(0);

export class Message {
  readonly #members: Readonly<Record<string, unknown>>;

  /** @param value parsed by `parseExactly`; null for an empty message. @throws {EtcdError} when it is no object. */
  constructor(value: unknown) {
    if (value !== null && (typeof value !== "object" || Array.isArray(value) || value instanceof NumberText)) {
      throw mismatch(value, "map[string]json.RawMessage");
    }
    this.#members = (value ?? {}) as Readonly<Record<string, unknown>>;
  }

  /** The member, under its own name or in camel case, which wins; null when it is not there. */
  #member(name: string): unknown {
    const camel = name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const own = [camel, name].find((one) => Object.hasOwn(this.#members, one));
    return own === undefined ? null : (this.#members[own] ?? null);
  }

  has(name: string): boolean {
    return this.#member(name) !== null;
  }

  bytes(name: string): Uint8Array<ArrayBuffer> {
    const value = this.#member(name);
    if (value === null) return noBytes;
    if (typeof value !== "string") throw mismatch(value, "[]uint8");
    return base64(value);
  }

  text(name: string): string {
    const value = this.#member(name);
    if (value === null) return "";
    if (typeof value !== "string") throw mismatch(value, "string");
    return value;
  }

  flag(name: string): boolean {
    const value = this.#member(name);
    if (value === null) return false;
    if (typeof value !== "boolean") throw mismatch(value, "bool");
    return value;
  }

  int64(name: string): bigint {
    const value = this.#member(name);
    return value === null ? 0n : int64(value);
  }

  /** An int64 as a number; one that no revision, version or limit reaches stays out of reach. */
  count(name: string): number {
    const value = Number(this.int64(name));
    return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));
  }

  choice(name: string, enumeration: Enumeration): number {
    const value = this.#member(name);
    return value === null ? 0 : choice(value, enumeration);
  }

  choices(name: string, enumeration: Enumeration): readonly number[] {
    return this.#list(name).map((value) => choice(value, enumeration));
  }

  /** @returns null when it is not there. */
  message(name: string): Message | null {
    const value = this.#member(name);
    return value === null ? null : new Message(value);
  }

  messages(name: string): readonly Message[] {
    return this.#list(name).map((value) => new Message(value));
  }

  #list(name: string): readonly unknown[] {
    const value: unknown = this.#member(name);
    if (value === null) return [];
    if (!Array.isArray(value)) throw mismatch(value, "[]json.RawMessage");
    return value;
  }
}

function int64(value: unknown): bigint {
  const text = value instanceof NumberText ? value.text : value;
  if (typeof text !== "string") throw mismatch(value, "int64");
  if (text === "") throw new EtcdError(3, "unexpected end of JSON input");
  if (!/^\s*-?[0-9]+\s*$/.test(text)) {
    if (/^-?[0-9.eE+-]+$/.test(text))
      throw new EtcdError(3, `json: cannot unmarshal number ${text} into Go value of type int64`);
    throw new EtcdError(3, `invalid character '${text.charAt(0)}' looking for beginning of value`);
  }
  const number = BigInt(text);
  if (number >= least && number <= most) return number;
  throw new EtcdError(3, `json: cannot unmarshal number ${text} into Go value of type int64`);
}

function choice(value: unknown, { name, values }: Enumeration): number {
  if (value instanceof NumberText) {
    const number = int64(value);
    if (number === BigInt.asIntN(32, number)) return Number(number);
  }
  if (typeof value !== "string") throw mismatch(value, "int32");
  const number = values.indexOf(value);
  if (number >= 0) return number;
  throw new EtcdError(3, `unknown value ${JSON.stringify(value)} for enum ${name}`);
}

/** Go's decoder: padded, and blind to line ends. */
function base64(text: string): Uint8Array<ArrayBuffer> {
  const plain = text.replaceAll(/[\r\n]/g, "");
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(plain)) {
    const at = /^[A-Za-z0-9+/]*/.exec(plain)?.[0].length ?? 0;
    throw new EtcdError(3, `illegal base64 data at input byte ${at}`);
  }
  return bytesOf(atob(plain));
}
