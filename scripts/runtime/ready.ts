/** Waits until a gateway answers at all: its code is loaded, whatever it thinks of the request. */
import { LauncherError } from "./errors.ts";
import type { RuntimeProcess } from "./process.ts";

const patienceMs = 10_000;

export async function untilAnswering(url: string, runtime: RuntimeProcess): Promise<void> {
  const answer = ask(url);
  const ended = runtime.ended.then((end) => {
    throw new LauncherError(`the runtime ${end}\n${runtime.lastWords}`);
  });
  try {
    await Promise.race([answer, ended]);
  } catch (error) {
    if (error instanceof LauncherError) throw error;
    throw new LauncherError(`the runtime does not answer at ${url}: ${(error as Error).message}`);
  } finally {
    ended.catch(() => undefined);
    answer.catch(() => undefined);
  }
}

async function ask(url: string): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(patienceMs), redirect: "manual" });
  await response.body?.cancel();
}
