/** Twins of the messages. */
import type { Twin } from "../twin.ts";

const area = "wire";
const usual = "src/wire/usual.ts";
const usually = "test/unit/wire/usual.test.ts";

export const wire: readonly Twin[] = [
  {
    name: "reads-any-version",
    area,
    rule: "W1",
    wrong: "A message that means something else to newer code is taken for what it used to mean.",
    file: "src/wire/envelope.ts",
    find: `if (!understood.includes(envelope.v)) return { ok: false, why: { type: "unknown-version", version: envelope.v } };`,
    replace: "",
    check: "test/unit/wire/codecs.test.ts",
    expected: /\[W1\]/,
  },
  {
    name: "takes-fields-it-does-not-know",
    area,
    rule: "W1",
    wrong: "What a newer version added, and means, is left out of a message that seems to be understood.",
    file: usual,
    find: "Object.keys(value).length === count ?",
    replace: "Object.keys(value).length >= count ?",
    check: usually,
    expected: /\[W1\] a (request|reply) in a batch/,
  },
  {
    name: "takes-numbers-below-nought",
    area,
    rule: "W1",
    wrong: "Nothing behind the decoder expects such a revision or age: it is the schema's to refuse, and is not asked.",
    file: usual,
    find: "isWhole(value, 0, Number.MAX_SAFE_INTEGER);",
    replace: "isWhole(value, -1, Number.MAX_SAFE_INTEGER);",
    check: usually,
    expected: /\[W1\] a reply in a batch/,
  },
  {
    name: "takes-an-age-that-is-not-there-for-none",
    area,
    rule: "W1",
    wrong: "A field that bears another name is read as undefined, which is neither an age nor that there is none.",
    file: usual,
    find: "(ageMs !== null && !whole(ageMs))",
    replace: "(ageMs !== null && ageMs !== undefined && !whole(ageMs as unknown))",
    check: usually,
    expected: /\[W1\] a reply in a batch/,
  },
  {
    name: "takes-a-bound-that-is-not-there-for-none",
    area,
    rule: "W1",
    wrong: "A local read whose bound bears another name is answered however old the state is.",
    file: usual,
    find: `local["maxAgeMs"] !== null) return null;`,
    replace: `(local["maxAgeMs"] ?? null) !== null) return null;`,
    check: usually,
    expected: /\[W1\] a request in a batch/,
  },
  {
    name: "takes-text-for-a-key",
    area,
    rule: "W1",
    wrong: "A key of characters that are no bytes reaches the store, where it means another key.",
    file: usual,
    find: "if (key.length > limits.keyBytes + 512 || !isByteString(key)) return null;",
    replace: "if (key.length > limits.keyBytes + 512) return null;",
    check: usually,
    expected: /\[W1\] a request in a batch/,
  },
];
