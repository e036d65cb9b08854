/** Runs Node in a process of its own, with a twin's name in its environment, and collects what it prints. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { environmentName } from "./chosen.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const quiet = "--disable-warning=ExperimentalWarning";

export interface Ended {
  /** Null: it was ended because its time was over. */
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** @param twin null: the code as it is. */
export async function runNode(args: readonly string[], twin: string | null, timeoutMs: number): Promise<Ended> {
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  const child = spawn(process.execPath, [quiet, ...args], {
    cwd: repository,
    env: { ...process.env, ...(twin === null ? {} : { [environmentName]: twin }) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  let late = false;
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  child.on("error", reject);
  child.on("close", (code) => {
    clearTimeout(timer);
    resolve({ code: late ? null : (code ?? 1), output, errors });
  });
  return promise;
}
