/**
 * JSON as clients must send it. What a program wrote is taken without a second look: whatever is sent, that look must come
 * to the same. A blank behind a text changes nothing of what it says, and is what no program writes: it brings about the look.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { limits } from "../../../src/support/limits.ts";
import { strictJson } from "../../../workers/gateway/strict-json.ts";

const lookedAt = (text: string): ReturnType<typeof strictJson> => strictJson(`${text} `);

/** Both the same, to the sign of a zero and the order of members. */
function alike(text: string): ReturnType<typeof strictJson> {
  const answer = strictJson(text);
  expect(shape(answer)).toBe(shape(lookedAt(text)));
  return answer;
}

/** Everything that can be told of a value of JSON, which `JSON.stringify` does not: -0, infinities, lone surrogates. */
function shape(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shape).join()}]`;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value !== "object" || value === null) return typeof value + JSON.stringify(value);
  const members = Reflect.ownKeys(value).map((name) => `${JSON.stringify(name)}:${shape(Reflect.get(value, name))}`);
  return `${Object.getPrototypeOf(value) === Object.prototype ? "" : "foreign"}{${members.join()}}`;
}

/** A document whose author knows whether it says something twice, and how deep it goes. */
type Document =
  | { readonly type: "plain"; readonly text: string }
  | { readonly type: "list"; readonly of: readonly Document[] }
  | { readonly type: "object"; readonly of: readonly (readonly [name: string, spelling: string, of: Document])[] };

const unitsOf = (text: string): readonly string[] => text.split("");
const escaped = (text: string): string =>
  unitsOf(text)
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
/** As programs write it, or each of its units as an escape. */
const spelled = (text: string): fc.Arbitrary<string> =>
  fc.constantFrom(JSON.stringify(text), JSON.stringify(text), `"${escaped(text)}"`);
const words = [
  "a",
  "b",
  "",
  "__proto__",
  "constructor",
  "toJSON",
  "1",
  "0",
  "\\",
  '"',
  "{",
  ":",
  "\u{1f600}",
  "\ud800",
  "\u2028",
];
const name = fc.oneof(fc.constantFrom(...words), fc.string({ unit: "binary", maxLength: 3 }));
const named = name.chain((text) => spelled(text).map((spelling) => [text, spelling] as const));
const numbers = [
  "0",
  "-0",
  "1e400",
  "-1e400",
  "1E2",
  "1.0",
  "0.1",
  "9007199254740993",
  "1e-400",
  "5e-324",
  "-0.0",
  "12",
];
const plain = fc
  .oneof(
    fc.constantFrom("true", "false", "null", ...numbers),
    named.map(([, spelling]) => spelling),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
  )
  .map((text): Document => ({ type: "plain", text }));
const { document } = fc.letrec<{ document: Document }>((tie) => ({
  document: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    plain,
    fc.array(tie("document"), { maxLength: 4 }).map((of): Document => ({ type: "list", of })),
    fc.array(fc.tuple(named, tie("document")), { maxLength: 4 }).map((of): Document => ({
      type: "object",
      of: of.map(([[text, spelling], member]) => [text, spelling, member]),
    })),
  ),
}));

function written(document: Document, blank: string): string {
  if (document.type === "plain") return document.text;
  const joined = (texts: readonly string[]): string => texts.join(`${blank},${blank}`);
  return document.type === "list"
    ? `[${joined(document.of.map((one) => written(one, blank)))}]`
    : `{${joined(document.of.map(([, spelling, of]) => `${spelling}:${blank}${written(of, blank)}`))}}`;
}

function saysTwice(document: Document): boolean {
  if (document.type === "plain") return false;
  if (document.type === "list") return document.of.some(saysTwice);
  const names = document.of.map(([name]) => name);
  return new Set(names).size < names.length || document.of.some(([, , of]) => saysTwice(of));
}

const depthOf = (document: Document): number =>
  document.type === "plain" ? 0 : 1 + Math.max(0, ...document.of.map((one) => depthOf("type" in one ? one : one[2])));

const isWrittenByAProgram = (text: string): boolean => {
  try {
    return JSON.stringify(JSON.parse(text)) === text;
  } catch {
    return false;
  }
};

describe("strict JSON", () => {
  it("refuses exactly what says something twice, or nests too deep, and gives what JSON.parse does of all else", () => {
    const seen = { quick: 0, slow: 0, refused: 0 };
    fc.assert(
      fc.property(document, fc.constantFrom("", "", " ", "\n\t"), (document, blank) => {
        const text = written(document, blank);
        const answer = alike(text);
        expect(answer.ok).toBe(!saysTwice(document) && depthOf(document) <= limits.jsonDepth);
        if (answer.ok) expect(shape(answer.value)).toBe(shape(JSON.parse(text)));
        seen[answer.ok ? (isWrittenByAProgram(text) ? "quick" : "slow") : "refused"] += 1;
      }),
      { numRuns: 3_000 },
    );
    // Each of the three was met often: else nothing was compared.
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(50);
  });

  it("takes whatever a program writes", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 10 }), (value) => {
        const text = JSON.stringify(value);
        expect(shape(alike(text))).toBe(shape({ ok: true, value: JSON.parse(text) as unknown }));
      }),
      { numRuns: 1_000 },
    );
  });

  it("comes to the same of texts that were spoilt", () => {
    const piece = fc.constantFrom(
      ...unitsOf('{}[]",:\\ \t\n-+.eE019ntf\ufeff\u0000\u2028\ud800é'),
      '"a":1,',
      "\\u0061",
      "1e400",
      "//",
    );
    let stillJson = 0;
    fc.assert(
      fc.property(document, fc.nat(), fc.nat(3), piece, (document, seed, length, piece) => {
        const text = written(document, "");
        const at = seed % (text.length + 1);
        const spoilt = text.slice(0, at) + piece + text.slice(at + length);
        if (alike(spoilt).ok) stillJson += 1;
      }),
      { numRuns: 3_000 },
    );
    expect(stillJson).toBeGreaterThan(50);
  });

  it("comes to the same of any text at all", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => void alike(text)),
      { numRuns: 1_000 },
    );
    const unit = fc.constantFrom(...unitsOf('{}[]",:\\ 01au'));
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 12 }), (text) => void alike(text)),
      { numRuns: 3_000 },
    );
  });

  it.each([
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":1}',
    '{"\\u0061":1,"\\u0061":1}',
    '{"__proto__":1,"__proto__":1}',
    '{"":1,"":2}',
    '[{"a":{"b":1,"c":[],"b":1}}]',
    '{"\\ud800":1,"\\uD800":1}',
    '{"1":1,"1":1}',
    // What JSON.parse leaves is as long again as what it was made of.
    '{"a":1,"a":1e8}',
  ])("a member twice is refused: %s", (text) => {
    expect(alike(text)).toMatchObject({ ok: false, reason: expect.stringContaining("stands twice") as unknown });
  });

  it.each([
    '{"a":{"a":1},"b":[{"a":1},{"a":1}]}',
    '{"a":"a","b":"a"}',
    '{"a":":","b":"\\":"}',
    '{"__proto__":{"polluted":true}}',
    '{"constructor":1,"toJSON":2,"hasOwnProperty":3}',
    '{"2":1,"1":2}',
    '["\\ud800"]',
    '{"a":-0}',
    '{"a":1e400}',
    '{"a":9007199254740993}',
    "-0",
    '"text"',
    "null",
    "[]",
    " {}",
    "{}\r\n",
  ])("is taken as it is: %s", (text) => {
    const answer = alike(text);
    expect(answer.ok && shape(answer.value)).toBe(shape(JSON.parse(text)));
    expect(({} as { readonly polluted?: boolean }).polluted).toBeUndefined();
  });

  it.each([
    "",
    " ",
    "\ufeff{}",
    "{}\ufeff",
    "{}{}",
    "{'a':1}",
    "[1,]",
    "01",
    "NaN",
    "Infinity",
    '"\n"',
    '"\\x"',
    "\u00a0{}",
    "undefined",
  ])("is no JSON: %j", (text) => {
    expect(alike(text)).toEqual({ ok: false, reason: "the body is not JSON in UTF-8" });
  });

  it.each([
    ["lists", "[", "]"],
    ["objects", '{"a":', "}"],
  ])("%s may nest as deep as the limit, and no deeper", (_, before, after) => {
    const nested = (depth: number): string => before.repeat(depth - 1) + "[]" + after.repeat(depth - 1);
    for (let depth = 1; depth <= limits.jsonDepth; depth += 1) expect(alike(nested(depth)).ok).toBe(true);
    for (const depth of [limits.jsonDepth + 1, 100, 1_000]) {
      expect(alike(nested(depth))).toEqual({ ok: false, reason: `the body nests deeper than ${limits.jsonDepth}` });
    }
  });
});
