/** The set behind the explorer: were two texts taken for one, states would go unvisited and nobody would know. */
import { expect, test } from "vitest";
import { Fingerprints } from "./fingerprints.ts";

test("a text is new once, however many there are", () => {
  const known = new Fingerprints();
  const texts = Array.from({ length: 50_000 }, (_, i) => `${i % 7},${i}|`);
  expect(texts.filter((text) => known.add(text))).toHaveLength(texts.length);
  expect(texts.filter((text) => known.add(text))).toHaveLength(0);
  expect(known.size).toBe(texts.length);
});

test("texts that differ in length alone, or only beyond the first byte of a character, differ", () => {
  const known = new Fingerprints();
  const texts = ["", "\0", "\0\0", "a", "a\0", "ab", "ba", "\u0161", "\u0261", "x".repeat(16), "x".repeat(17)];
  expect(texts.filter((text) => known.add(text))).toEqual(texts);
});
