/** The one mapping from what went wrong to what clients are told. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answerProblem, Problem, problemCodes, problemOf } from "../../../workers/gateway/problems.ts";
import { version } from "../../../workers/routes/version.ts";

afterEach(() => vi.restoreAllMocks());

const documentOf = async (problem: Problem, method = "GET") =>
  (await answerProblem(problem, method).json()) as Readonly<Record<string, unknown>>;

describe("problems", () => {
  it.each(problemCodes)("%s is a problem document", async (code) => {
    const response = answerProblem(new Problem(code, "why"), "GET");
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toEqual({
      type: `urn:synod:problem:${code}`,
      title: expect.any(String) as unknown,
      status: response.status,
      detail: "why",
      code,
      retryable: response.headers.has("retry-after"),
    });
    expect(response.status).toBeGreaterThanOrEqual(400);
  });

  it("tell writes, and only them, what became of the request", async () => {
    expect(await documentOf(new Problem("no-quorum", "", { outcome: "unknown" }))).not.toHaveProperty("outcome");
    expect(await documentOf(new Problem("no-quorum", "", { outcome: "unknown" }), "PUT")).toMatchObject({
      outcome: "unknown",
    });
    expect(await documentOf(new Problem("invalid-body", ""), "PUT")).toMatchObject({ outcome: "not-applied" });
    expect(await documentOf(new Problem("internal", ""), "DELETE")).toMatchObject({ outcome: "unknown" });
  });

  it("carry headers and further members", async () => {
    const problem = new Problem("out-of-order", "", { headers: { "x-a": "b" }, extra: { expected: 3 } });
    expect(answerProblem(problem, "PUT").headers.get("x-a")).toBe("b");
    expect(await documentOf(problem, "PUT")).toMatchObject({ expected: 3, status: 409 });
  });

  it("keep stacks in the log", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const problem = problemOf(new Error("secret"));
    expect(problem.code).toBe("internal");
    expect(JSON.stringify(await documentOf(problem))).not.toContain("secret");
    expect(log).toHaveBeenCalledWith(expect.stringContaining("secret"));
  });
});

it("tells the version of the package", () => {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  expect(JSON.parse(text)).toMatchObject({ version });
});
