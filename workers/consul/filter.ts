/**
 * Filter expressions, as HashiCorp's go-bexpr reads them (`?filter=`): parsed, checked against the fields that an endpoint
 * answers, and applied to its answer. Whatever is wrong is said before anything is read. Pure.
 *
 *     expression = conjunction { "or" conjunction }
 *     conjunction = negation { "and" negation }
 *     negation   = "not" negation | "(" expression ")" | match
 *     match      = selector ( "==" | "!=" | ["not"] "contains" | ["not"] "matches" ) value
 *                | selector "is" ["not"] "empty"
 *                | value ["not"] "in" selector
 *     selector   = word { "." word | "." digits | "[" string "]" }
 *     value      = selector | number | string
 *     string     = `"` without `"`, with Go's escapes `"` | "`" as it stands "`"
 *
 * `in` and `contains` are the same, the other way round: an element of a list, a name in a map, a part of a text. `matches`
 * takes RE2's syntax and looks for it anywhere in a text. Of a list of objects (`Checks.Status == critical`) one that fits
 * is enough. What is not in a map is equal to nothing, in nothing, and empty.
 */
import { RE2JS, RE2JSException } from "re2js";
import { limits } from "../../src/support/limits.ts";
import { ConsulError } from "./errors.ts";

/** What a field holds: which operators it takes, and how a selector goes on from there. */
export type Field =
  | "text"
  | "number"
  | "flag"
  /** A list of texts. */
  | "texts"
  | { readonly type: "object"; readonly fields: Readonly<Record<string, Field>> }
  /** Names that are the client's own, each with such a value. */
  | { readonly type: "map"; readonly value: Field }
  | { readonly type: "list"; readonly item: Field };

export type Filter = (answered: unknown) => boolean;

const failing = (why: string): ConsulError =>
  new ConsulError(400, `Failed to create boolean expression evaluator: ${why}`);

/** @param text empty: everything passes. @throws {ConsulError} when it makes no sense for what `field` describes. */
export function filterOf(text: string, field: Field): Filter {
  if (text.trim() === "") return () => true;
  if (text.length > limits.filterCharacters) {
    throw failing(`an expression has at most ${limits.filterCharacters} characters`);
  }
  return new Parser(tokensOf(text), field).whole();
}

// --- tokens ---

interface Token {
  readonly type: "word" | "number" | "string" | "sign" | "end";
  /** Of a string: what it stands for. */
  readonly text: string;
  readonly at: number;
}

const tokenForms = [
  ["word", /[A-Za-z][A-Za-z0-9_/]*/y],
  ["number", /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?=[\s)\].[]|$)/y],
  ["string", /"[^"\n]*"|`[^`]*`/y],
  ["sign", /==|!=|[()[\].]/y],
] as const;

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; ;) {
    at += /^[ \t\r\n]*/.exec(text.slice(at))?.[0].length ?? 0;
    if (at === text.length) return [...tokens, { type: "end", text: "", at }];
    const [type, found] = tokenAt(text, at);
    tokens.push({ type, text: type === "string" ? unquoted(found, at) : found, at });
    at += found.length;
  }
}

function tokenAt(text: string, at: number): readonly [Token["type"], string] {
  for (const [type, form] of tokenForms) {
    form.lastIndex = at;
    const found = form.exec(text)?.[0];
    if (found !== undefined) return [type, found];
  }
  if (/["`]/.test(text.charAt(at))) throw wrongAt(at, "Unterminated string literal");
  if (/[-0-9]/.test(text.charAt(at))) throw wrongAt(at, "Invalid number literal");
  throw wrongAt(at, `no match found, unexpected ${JSON.stringify(text.charAt(at))}`);
}

const wrongAt = (at: number, why: string): ConsulError => failing(`1:${at + 1} (${at}): ${why}`);

const escapes: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};

function unquoted(quoted: string, at: number): string {
  const inner = quoted.slice(1, -1);
  if (quoted.startsWith("`")) return inner.replaceAll("\r", "");
  return inner.replaceAll(
    /\\(?:u([0-9a-fA-F]{4})|x([0-7][0-9a-fA-F])|(.?))/gs,
    (_, u?: string, x?: string, one = "") => {
      const code = u ?? x;
      const read = code === undefined ? escapes[one as string] : String.fromCharCode(Number.parseInt(code, 16));
      if (read === undefined || !read.isWellFormed()) throw wrongAt(at, "invalid syntax");
      return read;
    },
  );
}

// --- parsing ---

interface Operand {
  readonly at: number;
  /** As a value. */
  readonly text: string;
  /** As a selector; null when it cannot be one. */
  readonly path: readonly string[] | null;
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #field: Field;
  #next = 0;
  #depth = 0;
  #patterns = 0;

  constructor(tokens: readonly Token[], field: Field) {
    this.#tokens = tokens;
    this.#field = field;
  }

  whole(): Filter {
    const filter = this.#either();
    if (this.#peek().type !== "end") throw this.#unexpected(`"and", "or" or the end`);
    return filter;
  }

  #peek(ahead = 0): Token {
    return this.#tokens[this.#next + ahead] ?? { type: "end", text: "", at: 0 };
  }

  #is(type: Token["type"], text: string, ahead = 0): boolean {
    const token = this.#peek(ahead);
    return token.type === type && token.text === text;
  }

  #took(type: Token["type"], text: string): boolean {
    if (!this.#is(type, text)) return false;
    this.#next += 1;
    return true;
  }

  #unexpected(expected: string): ConsulError {
    return wrongAt(this.#peek().at, `no match found, expected: ${expected}`);
  }

  #either(): Filter {
    const parts = [this.#both()];
    while (this.#took("word", "or")) parts.push(this.#both());
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : (value) => parts.some((part) => part(value));
  }

  #both(): Filter {
    const parts = [this.#negation()];
    while (this.#took("word", "and")) parts.push(this.#negation());
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : (value) => parts.every((part) => part(value));
  }

  #negation(): Filter {
    this.#depth += 1;
    if (this.#depth > limits.filterDepth) {
      throw wrongAt(this.#peek().at, `an expression nests at most ${limits.filterDepth} deep`);
    }
    const filter = this.#negationWithin();
    this.#depth -= 1;
    return filter;
  }

  #negationWithin(): Filter {
    if (this.#took("word", "not")) {
      const negated = this.#negation();
      return (value) => !negated(value);
    }
    if (!this.#took("sign", "(")) return this.#match();
    const inner = this.#either();
    if (!this.#took("sign", ")")) throw wrongAt(this.#peek().at, "Unmatched parentheses");
    return inner;
  }

  #match(): Filter {
    const first = this.#operand();
    if (this.#took("sign", "==")) return this.#selected(first, "Equal", this.#operand());
    if (this.#took("sign", "!=")) return this.#selected(first, "Not Equal", this.#operand());
    if (this.#took("word", "is")) {
      const not = this.#took("word", "not");
      if (!this.#took("word", "empty")) throw this.#unexpected(`"empty" or "not empty"`);
      return this.#selected(first, not ? "Is Not Empty" : "Is Empty", null);
    }
    const not = this.#took("word", "not");
    if (this.#took("word", "in")) return this.#selected(this.#operand(), not ? "Not In" : "In", first);
    if (this.#took("word", "contains")) return this.#selected(first, not ? "Not In" : "In", this.#operand());
    if (this.#took("word", "matches")) return this.#selected(first, not ? "Not Matches" : "Matches", this.#operand());
    throw this.#unexpected(`"==", "!=", "in", "contains", "matches" or "is"`);
  }

  #operand(): Operand {
    const { type, text, at } = this.#peek();
    if (type === "sign" || type === "end") throw this.#unexpected("a selector or a value");
    this.#next += 1;
    if (type !== "word") return { at, text, path: null };
    const path = [text];
    for (;;) {
      const next = this.#peek(1);
      if (this.#is("sign", ".") && (next.type === "word" || /^[0-9]+$/.test(next.text))) {
        path.push(next.text);
        this.#next += 2;
      } else if (this.#is("sign", "[")) {
        if (next.type !== "string") throw wrongAt(next.at, "Invalid index");
        if (!this.#is("sign", "]", 2)) throw wrongAt(this.#peek(2).at, "Unclosed index expression");
        path.push(next.text);
        this.#next += 3;
      } else return { at, text: path.join("."), path };
    }
  }

  /** A match whose selector and value are known. @param value null where the operator takes none. */
  #selected({ path, at }: Operand, operator: Operator, value: Operand | null): Filter {
    if (path === null) throw wrongAt(at, "Invalid selector");
    const negated = negations[operator];
    if (operator === "Matches" || operator === "Not Matches") {
      this.#patterns += 1;
      if (this.#patterns > limits.filterPatterns)
        throw failing(`at most ${limits.filterPatterns} patterns in one expression`);
    }
    const { field, steps } = placeOf(this.#field, path);
    const test = testOf(field, negated ?? (operator as Positive), value?.text ?? "");
    if (test === null) {
      throw failing(
        `Invalid match operator ${JSON.stringify(operator)} for selector ${JSON.stringify(path.join("."))}`,
      );
    }
    const wanted: Test = negated === undefined ? test : (one) => !test(one);
    return (answered) => reaches(answered, steps, 0, wanted);
  }
}

// --- matching ---

type Operator = "Equal" | "Not Equal" | "In" | "Not In" | "Matches" | "Not Matches" | "Is Empty" | "Is Not Empty";
type Positive = "Equal" | "In" | "Matches" | "Is Empty";

/** Whether what stands at a place is as it should be; undefined: nothing stands there. */
type Test = (value: unknown) => boolean;

const negations: Readonly<Partial<Record<Operator, Positive>>> = {
  "Not Equal": "Equal",
  "Not In": "In",
  "Not Matches": "Matches",
  "Is Not Empty": "Is Empty",
};

/** A member's name, or each of a list. */
type Step = { readonly name: string } | "each";

/** Where a selector leads. @throws {ConsulError} when it leads nowhere. */
function placeOf(from: Field, path: readonly string[]): { readonly field: Field; readonly steps: readonly Step[] } {
  const steps: Step[] = [];
  let field = from;
  for (const name of path) {
    if (typeof field === "object" && field.type === "list") {
      steps.push("each");
      field = field.item;
    }
    const next = memberOf(field, name);
    if (next === null) throw failing(`Selector ${JSON.stringify(path.join("."))} is not valid`);
    steps.push({ name });
    field = next;
  }
  return { field, steps };
}

function memberOf(field: Field, name: string): Field | null {
  if (typeof field !== "object" || field.type === "list") return null;
  if (field.type === "map") return field.value;
  return Object.hasOwn(field.fields, name) ? (field.fields[name] ?? null) : null;
}

function reaches(value: unknown, steps: readonly Step[], at: number, test: Test): boolean {
  const step = steps[at];
  if (step === undefined) return test(value);
  if (step === "each") return listIn(value).some((one) => reaches(one, steps, at + 1, test));
  const members = recordIn(value);
  return reaches(Object.hasOwn(members, step.name) ? members[step.name] : undefined, steps, at + 1, test);
}

const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : []);
const recordIn = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
const textIn = (value: unknown): string => (typeof value === "string" ? value : "");

/** @returns null when such a field does not take the operator. @throws {ConsulError} when it does not take the value. */
function testOf(field: Field, operator: Positive, wanted: string): Test | null {
  if (field === "number") return operator === "Equal" ? equalTo(wholeIn(wanted)) : null;
  if (field === "flag") return operator === "Equal" ? equalTo(flagIn(wanted)) : null;
  if (field === "text") return textTest(operator, wanted);
  if (field === "texts") {
    if (operator === "In") return (value) => listIn(value).includes(wanted);
    return operator === "Is Empty" ? (value) => listIn(value).length === 0 : null;
  }
  switch (field.type) {
    case "object":
      return null;
    case "map":
      if (operator === "In") return (value) => Object.hasOwn(recordIn(value), wanted);
      return operator === "Is Empty" ? (value) => Object.keys(recordIn(value)).length === 0 : null;
    case "list":
      return operator === "Is Empty" ? (value) => listIn(value).length === 0 : null;
  }
}

const equalTo =
  (wanted: unknown): Test =>
  (value) =>
    value === wanted;

function textTest(operator: Positive, wanted: string): Test {
  switch (operator) {
    case "Equal":
      return equalTo(wanted);
    case "In":
      return (value) => typeof value === "string" && value.includes(wanted);
    case "Is Empty":
      return (value) => textIn(value) === "";
    case "Matches": {
      const pattern = patternIn(wanted);
      return (value) => typeof value === "string" && pattern.test(value);
    }
  }
}

function wholeIn(text: string): number {
  if (/^[+-]?[0-9]{1,15}$/.test(text)) return Number(text);
  throw failing(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

function flagIn(text: string): boolean {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
  throw failing(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** RE2's, which needs no more than linear time whatever it is and is asked of: JavaScript's own could be made to hang. */
function patternIn(text: string): RE2JS {
  if (text.length > limits.filterPatternCharacters) {
    throw failing(`a pattern has at most ${limits.filterPatternCharacters} characters`);
  }
  try {
    const pattern = RE2JS.compile(text);
    if (pattern.programSize() <= limits.filterPatternSteps) return pattern;
  } catch (error) {
    if (error instanceof RE2JSException) throw failing(error.message);
    throw error;
  }
  throw failing("the pattern repeats too much");
}
