/**
 * Starts a launcher as a person would, reads what it prints, and finds the processes it left. For tests; runs the very
 * programs behind `npm start` and `npm run cluster`.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

export interface Launched {
  readonly process: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Settles with the exit code, or null after a signal. */
  readonly exit: Promise<number | null>;
}

const launched = new Set<ChildProcess>();

export function launch(program: "start" | "cluster", ...flags: string[]): Launched {
  const child = spawn(process.execPath, [join(root, `scripts/${program}.ts`), ...flags], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  launched.add(child);
  const printed = { stdout: "", stderr: "" };
  child.stdout.on("data", (bytes: Buffer) => (printed.stdout += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (printed.stderr += bytes.toString()));
  const exit = once(child, "close").then(([code]) => {
    launched.delete(child);
    return code as number | null;
  });
  return { process: child, stdout: () => printed.stdout, stderr: () => printed.stderr, exit };
}

/** Ends what a failed test left running; the launchers' own children follow them. */
export function endLaunched(): void {
  for (const child of launched) child.kill("SIGKILL");
}

export interface RunningProcess {
  readonly pid: number;
  readonly command: string;
}

/** Processes whose command line mentions `text`: the launchers' children name the data directory in theirs. */
export function processesNaming(text: string): readonly RunningProcess[] {
  const listing = spawnSync("ps", ["-A", "-ww", "-o", "pid=,args="], { encoding: "utf8" }).stdout;
  return listing
    .split("\n")
    .map((line) => /^\s*(\d+) (.*)$/.exec(line))
    .map((found) => ({ pid: Number(found?.[1]), command: found?.[2] ?? "" }))
    .filter(({ command }) => command.includes(text));
}
