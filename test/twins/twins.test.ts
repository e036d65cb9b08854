/**
 * The twins, as far as every test run can afford: each still fits the code it breaks, the ones that fail at their first
 * seeds do, and one that is not wrong is not called caught. All of them run in `npm run twins`.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { catalogue, harmless } from "./catalogue/all.ts";
import { judge } from "./judge.ts";
import { appliedAll, editsOf } from "./twin.ts";

const textOf = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");

/** Every rule that a single mistake in the code can break. D3 has no code of its own, and C2 is what many others end in. */
const rules =
  "A1 A2 A3 A4 B1 B2 C1 D1 D2 E1 E2 F1 F2 F3 F4 F5 F6 H1 K1 L1 L2 L3 L4 L5 L6 L7 L8 N1 N2 N3 N4 P1 P2 P3 P4 Q1 Q2 R1 R2 R3 R4 S1 S2 S3 S4 S5 S6 T1 T2 T3 U1 V1 V2 V3 V4 W1 X1 X2 X3";

describe("broken twins", () => {
  it.each([...catalogue, harmless].map((twin) => [twin.name, twin] as const))("%s fits the code", (_, twin) => {
    for (const file of new Set(editsOf(twin).map((edit) => edit.file))) {
      const source = textOf(file);
      const edits = editsOf(twin).filter((edit) => edit.file === file);
      expect(appliedAll(edits, source)).not.toBe(source);
    }
    if (twin.check.startsWith("test/")) expect(textOf(twin.check)).not.toBe("");
  });

  it("have names of their own, and one for each rule", () => {
    expect(new Set(catalogue.map(({ name }) => name)).size).toBe(catalogue.length);
    const named = new Set(catalogue.map(({ rule }) => rule));
    for (const unnumbered of ["bounds", "liveness"]) named.delete(unnumbered);
    expect([...named].toSorted()).toEqual(rules.split(" "));
  });

  it.each([
    "leaves-its-vote-unwritten",
    "answers-repeats-without-counting",
    "learns-from-one-vote",
    "applies-by-its-own-clock",
    "forgets-a-deletion-with-its-history",
  ])("%s is caught at its first seeds", { timeout: 60_000 }, async (name) => {
    const twin = catalogue.find((one) => one.name === name);
    if (twin === undefined) throw new Error(`no twin is called ${name}`);
    const { type, verdict } = await judge(twin, { seeds: 10, timeoutMs: 50_000 });
    expect(type, verdict.message).toBe("caught");
  });

  it("one that changes nothing is told to survive", { timeout: 60_000 }, async () => {
    expect((await judge(harmless, { seeds: 1, timeoutMs: 50_000 })).type).toBe("survived");
  });
});
