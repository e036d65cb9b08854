/** A secret is the same only when it is the same to its last character. */
import { expect, it } from "vitest";
import { sameSecret } from "../../../workers/gateway/secrets.ts";

it.each([
  ["s3cret", "s3cret", true],
  ["", "", true],
  ["", "s3cret", false],
  ["s3cret", "", false],
  ["s3cre", "s3cret", false],
  ["s3crets", "s3cret", false],
  ["s3cret\u0000", "s3cret", false],
  ["S3cret", "s3cret", false],
  ["3cret", "s3cret", false],
  ["s3cret\u0173", "s3crets", false],
  ["schlüssel", "schlüssel", true],
  ["schlüssel", "schlu\u0308ssel", false],
])("%j for %j: %j", (given, expected, same) => {
  expect(sameSecret(given, expected)).toBe(same);
});
