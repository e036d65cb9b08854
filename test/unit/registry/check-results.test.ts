/** What a run of a check comes to: its words, its status, and when that counts. */
import { describe, expect, it } from "vitest";
import { answered, connected, failed, judge, unanswered } from "../../../src/registry/check-results.ts";
import { limits } from "../../../src/support/limits.ts";
import { checks } from "./examples.ts";

const front = checks[1];

describe("thresholds", () => {
  it.each([
    ["at once by default", "passing", 0, 0, ["critical"], ["critical"]],
    ["failures in a row", "passing", 0, 3, ["critical", "critical", "critical"], ["passing", "passing", "critical"]],
    [
      "a success between begins anew",
      "passing",
      0,
      2,
      ["critical", "passing", "critical"],
      ["passing", "passing", "passing"],
    ],
    ["successes in a row", "critical", 2, 0, ["passing", "passing"], ["critical", "passing"]],
    ["a warning is a success", "critical", 2, 0, ["warning", "passing"], ["critical", "passing"]],
    ["and comes at once", "passing", 5, 5, ["warning", "passing"], ["warning", "passing"]],
    [
      "a failure between begins anew",
      "critical",
      2,
      0,
      ["passing", "critical", "passing"],
      ["critical", "critical", "critical"],
    ],
  ] as const)("%s", (_, status, successBeforePassing, failuresBeforeCritical, results, expected) => {
    let standing: ReturnType<typeof judge> = { status, streak: 0 };
    const seen = results.map((result) => {
      standing = judge(standing, result, { successBeforePassing, failuresBeforeCritical });
      return standing.status;
    });
    expect(seen).toEqual(expected);
  });
});

describe("what was found", () => {
  it.each([
    [200, "passing"],
    [204, "passing"],
    [299, "passing"],
    [301, "critical"],
    [304, "critical"],
    [400, "critical"],
    [404, "critical"],
    [429, "warning"],
    [500, "critical"],
    [503, "critical"],
  ] as const)("%i is %s", (code, status) => {
    expect(answered(front, code, "", "x")).toEqual({
      status,
      output: `HTTP GET https://example.org/health: ${code} Output: x`,
    });
  });

  it("is cut to what can be stored, in whole characters", () => {
    const { output } = answered(front, 200, "OK", "\u{1f600}".repeat(5000));
    expect(output.length).toBe(limits.checkOutputCharacters);
    expect(output.isWellFormed()).toBe(true);
  });

  it("says what was tried", () => {
    expect(connected(checks[2])).toEqual({ status: "passing", output: "TCP connect example.org:443: Success" });
    expect(unanswered(checks[2])).toMatchObject({
      status: "critical",
      output: expect.stringContaining("5000 ms") as string,
    });
    expect(failed(front, "refused")).toEqual({
      status: "critical",
      output: "HTTP GET https://example.org/health: refused",
    });
  });
});
