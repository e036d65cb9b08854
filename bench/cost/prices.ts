/**
 * What the platform charges, and what a count of something costs by it. The one place where prices stand.
 *
 * As listed in November 2026 at https://developers.cloudflare.com/durable-objects/platform/pricing/ (objects) and
 * https://developers.cloudflare.com/workers/platform/pricing/ (requests to the Worker), the paid plan, in US dollars.
 */
import { requestsIn, rowsReadIn, rowsWrittenIn, workerRequestsIn } from "./counts.ts";
import type { Counts } from "./counts.ts";

export const prices = {
  listed: "2026-11",
  perMillion: {
    /** Calls of an object, alarms that ring; twenty messages of a WebSocket are one. */
    objectRequests: 0.15,
    workerRequests: 0.3,
    rowsWritten: 1,
    rowsRead: 0.001,
  },
  /** A GB kept for a month. */
  storedGbMonth: 0.2,
  /** A million GB-s that objects are awake, each at 128 MB whatever it uses. Counted by the platform's clock: not here. */
  awakeGbSeconds: 12.5,
  /** Of each month, before anything is charged. */
  included: { objectRequests: 1e6, rowsWritten: 50e6, rowsRead: 25e9, storedGb: 5, awakeGbSeconds: 400_000 },
} as const;

/** Dollars for a million times what was counted, beyond what is included; without the time objects are awake. */
export function dollarsPerMillion(counts: Counts, times: number): number {
  const { objectRequests, workerRequests, rowsWritten, rowsRead } = prices.perMillion;
  const total =
    requestsIn(counts) * objectRequests +
    workerRequestsIn(counts) * workerRequests +
    rowsWrittenIn(counts) * rowsWritten +
    rowsReadIn(counts) * rowsRead;
  return total / times;
}

/** Dollars a month for one object that never sleeps. */
export const dollarsAwakeMonth = (30 * 86_400 * 0.128 * prices.awakeGbSeconds) / 1e6;
