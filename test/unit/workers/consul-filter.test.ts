/** Consul's filter expressions: what they mean, what they refuse, and that nothing in them runs away. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConsulError } from "../../../workers/consul/errors.ts";
import { filterOf } from "../../../workers/consul/filter.ts";
import type { Field } from "../../../workers/consul/filter.ts";

const fields: Field = {
  type: "object",
  fields: {
    Name: "text",
    Port: "number",
    Native: "flag",
    Tags: "texts",
    Meta: { type: "map", value: "text" },
    Node: { type: "object", fields: { Name: "text" } },
    Checks: { type: "list", item: { type: "object", fields: { Status: "text", Tags: "texts" } } },
  },
};

const web = {
  Name: "web",
  Port: 80,
  Native: false,
  Tags: ["v1", "a b"],
  Meta: { zone: "a", "dotted.name": "x", empty: "" },
  Node: { Name: "n1" },
  Checks: [
    { Status: "passing", Tags: [] },
    { Status: "critical", Tags: ["slow"] },
  ],
};

const holds = (text: string, value: unknown = web): boolean => filterOf(text, fields)(value);

function refusal(text: string): string {
  try {
    filterOf(text, fields);
  } catch (error) {
    if (error instanceof ConsulError && error.status === 400) return error.message;
    throw error;
  }
  throw new Error(`not refused: ${text}`);
}

describe("a filter", () => {
  it.each([
    ["", true],
    [" \t\n", true],
    ["Name == web", true],
    ["Name==web", true],
    ['Name == "web"', true],
    ["Name == `web`", true],
    ["Name != web", false],
    ["Name != db", true],
    ["Port == 80", true],
    ["Port == 81", false],
    ["Port != 81", true],
    ['Port == "80"', true],
    ["Native == false", true],
    ["Native != 0", false],
    ["v1 in Tags", true],
    ['"a b" in Tags', true],
    ["v in Tags", false],
    ["v2 not in Tags", true],
    ["Tags contains v1", true],
    ["Tags not contains v1", false],
    ["eb in Name", true],
    ["Name contains w", true],
    ["Name not contains x", true],
    ["Tags is empty", false],
    ["Tags is not empty", true],
    ["Meta.zone == a", true],
    ['Meta["zone"] == a', true],
    ['Meta["dotted.name"] == "x"', true],
    ["zone in Meta", true],
    ["colour in Meta", false],
    ["Meta is not empty", true],
    ["Meta.empty is empty", true],
    ["Node.Name == n1", true],
    ['Name matches "^w.b$"', true],
    ["Name matches `E`", false],
    ["Name matches `(?i)E`", true],
    ["Name not matches `^x`", true],
    ["Checks is empty", false],
    ["Checks.Status == critical", true],
    ["Checks.Status == warning", false],
    ["Checks.Status != passing", true],
    ["slow in Checks.Tags", true],
    ["not Name == web", false],
    ["not not Name == web", true],
    ["not (Name == web and Port == 81)", true],
    ["Name == db or Name == web and Port == 80", true],
    ["(Name == db or Name == web) and Port == 81", false],
    ["((Name == web))", true],
    ["Name == and", false],
    ["not Name == db and Port == 80", true],
    ['Name == "w\\x65b"', true],
    ['Name == "w\\u0065b"', true],
  ])("%s", (text, expected) => {
    expect(holds(text)).toBe(expected);
  });

  it.each([
    ["Meta.colour == red", false],
    ["Meta.colour != red", true],
    ["red in Meta.colour", false],
    ["red not in Meta.colour", true],
    ["Meta.colour matches `.*`", false],
    ["Meta.colour not matches `.*`", true],
    ["Meta.colour is empty", true],
    ["Meta.colour is not empty", false],
    ["Meta.toString == x", false],
    ["toString in Meta", false],
    ['"__proto__" in Meta', false],
  ])("of what is not in a map: %s", (text, expected) => {
    expect(holds(text)).toBe(expected);
  });

  it("finds nothing in a list without elements, and takes null for nothing", () => {
    expect(holds("Checks.Status != passing", { ...web, Checks: [] })).toBe(false);
    expect(holds("Tags is empty", { ...web, Tags: null })).toBe(true);
    expect(holds("Meta.zone == a", { ...web, Meta: null })).toBe(false);
  });
});

describe("what is no filter", () => {
  it.each([
    ["Colour == red", 'Selector "Colour" is not valid'],
    ["Node.Colour == red", 'Selector "Node.Colour" is not valid'],
    ["Name.First == red", 'Selector "Name.First" is not valid'],
    ["Tags.x == red", 'Selector "Tags.x" is not valid'],
    ["Meta.a.b == red", 'Selector "Meta.a.b" is not valid'],
    ["toString == red", 'Selector "toString" is not valid'],
    ["__proto__ == red", "1:1 (0): no match found"],
    ["Node == x", 'Invalid match operator "Equal" for selector "Node"'],
    ["Tags == x", 'Invalid match operator "Equal" for selector "Tags"'],
    ["Tags not matches x", 'Invalid match operator "Not Matches" for selector "Tags"'],
    ["Port is empty", 'Invalid match operator "Is Empty" for selector "Port"'],
    ["Port == many", 'strconv.ParseInt: parsing "many": invalid syntax'],
    ["Port == 1.5", 'strconv.ParseInt: parsing "1.5": invalid syntax'],
    ["Native == maybe", 'strconv.ParseBool: parsing "maybe": invalid syntax'],
    ["Name", "1:5 (4): no match found, expected:"],
    ["Name ==", "1:8 (7): no match found, expected: a selector or a value"],
    ["Name = web", "1:6 (5): no match found"],
    ["Name is full", "1:9 (8): no match found"],
    ["Name == web web", "1:13 (12): no match found"],
    ["Name == web and", "1:16 (15): no match found"],
    ["and Name == web", "1:5 (4): no match found"],
    ["(Name == web", "1:13 (12): Unmatched parentheses"],
    ["Name == web)", "1:12 (11): no match found"],
    ["()", "1:2 (1): no match found"],
    ['"Name" == web', "1:1 (0): Invalid selector"],
    ["web in 80", "1:8 (7): Invalid selector"],
    ['Name == "web', "1:9 (8): Unterminated string literal"],
    ["Name == `web", "1:9 (8): Unterminated string literal"],
    ['Name == "w\\q"', "1:9 (8): invalid syntax"],
    ['Name == "\\ud800"', "1:9 (8): invalid syntax"],
    ["Port == 80x", "1:9 (8): Invalid number literal"],
    ["Meta[zone] == a", "1:6 (5): Invalid index"],
    ['Meta["zone" == a', "1:13 (12): Unclosed index expression"],
    ["Name matches `(`", "error parsing regexp: missing closing ): `(`"],
    ["Name matches `(?=a)`", "error parsing regexp: invalid"],
    ["Name matches `((((a{9}){9}){9}){9})`", ""],
    [`Name matches \`${"a".repeat(257)}\``, "a pattern has at most 256 characters"],
    [Array.from({ length: 9 }, () => "Name matches a").join(" or "), "at most 8 patterns in one expression"],
    [`${"(".repeat(33)}Name == a${")".repeat(33)}`, "1:33 (32): an expression nests at most 32 deep"],
    [`${"not ".repeat(32)}Name == a`, "an expression nests at most 32 deep"],
    ["x".repeat(4097), "an expression has at most 4096 characters"],
  ])("%s", (text, why) => {
    expect(refusal(text)).toContain(`Failed to create boolean expression evaluator: `);
    expect(refusal(text)).toContain(why);
  });

  it("is refused, or understood, whatever it is", () => {
    const pieces = [
      "Name",
      "Port",
      "Tags",
      "Meta",
      "Checks",
      ".",
      "[",
      "]",
      "(",
      ")",
      "==",
      "!=",
      '"a"',
      "`",
      '"',
      "80",
    ];
    const words = ["and", "or", "not", "in", "is", "empty", "contains", "matches", " ", "\\", "é", "\u0000"];
    const expression = fc.array(fc.constantFrom(...pieces, ...words), { maxLength: 20 }).map((all) => all.join(" "));
    fc.assert(
      fc.property(fc.oneof(expression, fc.string({ unit: "binary" })), (text) => {
        try {
          expect(typeof filterOf(text, fields)(web)).toBe("boolean");
        } catch (error) {
          expect(error).toBeInstanceOf(ConsulError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

interface Tree {
  readonly text: string;
  readonly value: boolean;
}

describe("boolean algebra", () => {
  const leaf = fc.boolean().map((value): Tree => ({ text: `Name ${value ? "==" : "!="} web`, value }));
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      leaf,
      tie("tree").map(({ text, value }): Tree => ({ text: `not (${text})`, value: !value })),
      fc
        .tuple(tie("tree"), tie("tree"))
        .map(([a, b]) => ({ text: `(${a.text}) and (${b.text})`, value: a.value && b.value })),
      fc
        .tuple(tie("tree"), tie("tree"))
        .map(([a, b]) => ({ text: `(${a.text}) or (${b.text})`, value: a.value || b.value })),
    ),
  }));

  it("is that of its parts", () => {
    fc.assert(
      fc.property(tree, ({ text, value }) => {
        fc.pre(text.length <= 4096);
        expect(holds(text)).toBe(value);
      }),
    );
  });

  it("binds `and` closer than `or`, and `not` closest, without parentheses", () => {
    const terms = fc.array(fc.tuple(fc.boolean(), fc.boolean(), fc.constantFrom("and", "or")), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(terms, (all) => {
        const text = all.map(([not, value, joint], at) => {
          const term = `${not ? "not " : ""}Name ${value ? "==" : "!="} web`;
          return at === 0 ? term : `${joint} ${term}`;
        });
        const groups: boolean[][] = [];
        for (const [at, [not, value, joint]] of all.entries()) {
          if (at === 0 || joint === "or") groups.push([]);
          groups.at(-1)?.push(value !== not);
        }
        expect(holds(text.join(" "))).toBe(groups.some((group) => group.every(Boolean)));
      }),
    );
  });

  it("finds any text by itself, in either quotes", () => {
    const text = fc.string().filter((one) => !/[\\"`\r\n]/.test(one));
    fc.assert(
      fc.property(text, (name) => {
        for (const quote of ['"', "`"])
          expect(holds(`Name == ${quote}${name}${quote}`, { ...web, Name: name })).toBe(true);
      }),
    );
  });
});

it("takes linear time for patterns that would hang a backtracking engine", () => {
  expect(holds("Name matches `^(a+)+$`", { ...web, Name: `${"a".repeat(4000)}!` })).toBe(false);
});
