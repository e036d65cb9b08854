/** Twins of the messages. */
import type { Twin } from "../twin.ts";

const area = "wire";

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
];
