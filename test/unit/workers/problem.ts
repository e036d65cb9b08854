/** What a parser throws, for tests. */
import { Problem } from "../../../workers/gateway/problems.ts";
import type { ProblemCode } from "../../../workers/gateway/problems.ts";

export function codeOf(run: () => unknown): ProblemCode | "none" {
  try {
    run();
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
  return "none";
}
