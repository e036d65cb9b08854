/** Processor time and memory of process trees, as Linux tells them in `/proc`. Knows nothing of what the processes do. */
import { readdirSync, readFileSync } from "node:fs";

/** Linux counts processor time for user space in hundredths of a second, on every architecture. */
const msPerTick = 10;

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly cpuMs: number;
  readonly residentKiB: number;
}

/** Of all that descends from `roots`, the roots included. */
export function treesOf(roots: readonly number[]): readonly Process[] {
  const everybody = readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? (read(Number(name)) ?? []) : []));
  const found = new Set(roots);
  for (let size = 0; size !== found.size;) {
    size = found.size;
    for (const { pid, parent } of everybody) if (found.has(parent)) found.add(pid);
  }
  return everybody.filter(({ pid }) => found.has(pid));
}

/** @returns null if it has ended meanwhile. */
function read(pid: number): Process | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name before it may hold anything, parentheses too.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [, resident = "0"] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return {
      pid,
      parent: Number(fields[1]),
      cpuMs: (Number(fields[11]) + Number(fields[12])) * msPerTick,
      residentKiB: Number(resident),
    };
  } catch {
    return null;
  }
}
