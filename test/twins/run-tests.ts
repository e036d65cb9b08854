/** Runs one test file with a twin's mistake in the code it tests. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { runNode } from "./process.ts";
import type { Verdict } from "./verdict.ts";

/** What is read of Vitest's report. */
const report = v.object({
  testResults: v.array(
    v.object({
      message: v.string(),
      assertionResults: v.array(
        v.object({ status: v.string(), fullName: v.string(), failureMessages: v.nullish(v.array(v.string())) }),
      ),
    }),
  ),
});

export async function runTests(twin: string, file: string, timeoutMs: number): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), "synod-twin-"));
  try {
    return await runReporting(twin, file, timeoutMs, join(folder, "report.json"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function runReporting(twin: string, file: string, timeoutMs: number, reportFile: string): Promise<Verdict> {
  const options = ["--config", "test/twins/vitest.config.ts", "--reporter=json", `--outputFile=${reportFile}`];
  const ended = await runNode(["node_modules/vitest/vitest.mjs", "run", ...options, file], twin, timeoutMs);
  if (ended.code === null)
    return { type: "hung", by: "time limit", message: `no end within ${timeoutMs} ms`, tried: "" };
  const broken = (message: string): Verdict => ({ type: "broken", by: "", message, tried: "" });
  const read = v.safeParse(report, jsonIn(reportFile));
  if (!read.success) return broken(`${ended.output}\n${ended.errors}`.trim());
  const tests = read.output.testResults.flatMap((one) => one.assertionResults);
  const failed = tests.find(({ status }) => status === "failed");
  if (failed !== undefined) {
    const name = failed.fullName.trim();
    const message = `${name}: ${failed.failureMessages?.[0] ?? ""}`;
    return { type: "failed", by: `test ${name}`, message, tried: "1 run" };
  }
  if (ended.code === 0 && tests.length > 0) return { type: "passed", by: "", message: "", tried: "1 run" };
  return broken(read.output.testResults.map((one) => one.message).join("\n") || ended.errors.trim() || "no tests ran");
}

/** @returns null when there is no such file, or no JSON in it. */
function jsonIn(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}
