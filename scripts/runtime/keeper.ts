/**
 * A small process beside each launcher. It holds the lock on the data directory, and when the launcher is gone, for
 * whatever reason, it ends the runtimes the launcher left behind and only then lets go of the lock. Started by
 * `keeping.ts`; knows the launcher is alive by its standard input, which the kernel closes for a dead process.
 *
 * The lock is a file lock taken through SQLite, so that the kernel drops it with this process: a pid file would outlive
 * a crash and could name a stranger.
 *
 * Input, one a line: `+pid` (end this one too), `-pid` (it has ended). Output: `locked`, or `held` and the end.
 */
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { signalProcess } from "./signal-process.ts";

/** How long a lock may still be held by the keeper of a launcher that has just died. */
const lockPatienceMs = 1_500;

/** How long to wait for a killed runtime to be gone: where nobody collects the dead, it never is, but it is dead. */
const burialPatienceMs = 2_000;

const sqliteBusy = 5;

function lock(file: string): DatabaseSync | undefined {
  const database = new DatabaseSync(file, { timeout: lockPatienceMs });
  try {
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    if ((error as { readonly errcode?: number }).errcode !== sqliteBusy) throw error;
    return undefined;
  }
}

async function waitUntilGone(pids: ReadonlySet<number>): Promise<void> {
  const deadline = performance.now() + burialPatienceMs;
  while (performance.now() < deadline && [...pids].some((pid) => signalProcess(pid, 0))) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const database = lock(process.argv[2] ?? "");
if (database === undefined) {
  process.stdout.write("held\n");
} else {
  process.stdout.write("locked\n");
  const pids = new Set<number>();
  for await (const line of createInterface({ input: process.stdin })) {
    const pid = Number(line.slice(1));
    if (line.startsWith("+")) pids.add(pid);
    else pids.delete(pid);
  }
  for (const pid of pids) signalProcess(pid, "SIGKILL");
  await waitUntilGone(pids);
  database.close();
}
