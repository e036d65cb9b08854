/** Sends a signal to a process that may be gone already; false if it is. Signal 0 only asks. */
export function signalProcess(pid: number, signal: "SIGKILL" | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
