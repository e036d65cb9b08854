/** Runs a twin's scenario in a process of its own, with the mistake in the code. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { TimeTwin } from "./twins.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** @returns the checks that saw it; or what else went wrong, as one. */
export async function checksThatCatch({ name, scenario }: TimeTwin): Promise<readonly string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const hook = ["--import", "./test/time/twin-hook.ts"];
  const args = ["--disable-warning=ExperimentalWarning", ...hook, "test/time/main.ts", "--only", scenario, "--faults"];
  const child = spawn(process.execPath, args, {
    cwd: repository,
    env: { ...process.env, SYNOD_TIME_TWIN: name },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  child.on("error", reject);
  child.on("close", () => resolve(output));
  await promise;
  const seen = [...output.matchAll(/^fault: ([^:]+):/gm)].map(([, check = ""]) => check);
  return errors === "" ? [...new Set(seen)] : [...new Set(seen), `process: ${errors.trim()}`];
}
