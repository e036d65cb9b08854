/**
 * One client with a pipeline (`src/client/pipeline.ts`): so many puts unanswered at once over one WebSocket, each sent
 * again as soon as its answer is there. Only Synod speaks it.
 */
import { Pipeline } from "../../src/client/pipeline.ts";
import { keyCount, keyOf, valueOf } from "./loads.ts";

export const pipelinedPuts = 1_000;

export interface Pipelined {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** @throws {PipelineError} when a put fails. */
export async function pipeline(url: string, seconds: number): Promise<Pipelined> {
  const client = new Pipeline({ url, window: pipelinedPuts });
  const took: number[] = [];
  const begun = performance.now();
  const end = begun + seconds * 1_000;
  const one = async (first: number): Promise<void> => {
    for (let index = first; performance.now() < end; index += pipelinedPuts) {
      const key = keyOf(index % keyCount);
      const sent = performance.now();
      await client.put(key, valueOf(key));
      took.push(performance.now() - sent);
    }
  };
  try {
    await Promise.all(Array.from({ length: pipelinedPuts }, async (_, first) => one(first)));
  } finally {
    client.close();
  }
  const elapsed = (performance.now() - begun) / 1_000;
  took.sort((left, right) => left - right);
  const at = (share: number): number => took[Math.floor(took.length * share)] ?? 0;
  return { requests: took.length, seconds: elapsed, p50Ms: at(0.5), p99Ms: at(0.99) };
}
