/**
 * How often one address may ask for the time: by the platform's own counter where `[[ratelimits]]` binds one, else by a
 * bucket in this isolate's memory. An address nobody told us (a local Synod) has no budget; a socket always has.
 */
import { limits } from "../../src/support/limits.ts";
import type { Lru } from "../gateway/lru.ts";
import { Problem } from "../gateway/problems.ts";

/** Fills slowly, empties by one with each question. */
export interface Bucket {
  readonly left: number;
  /** When it held that much, in ms. */
  readonly at: number;
}

/** The part of the platform's binding that is used. */
interface Counter {
  limit(options: { readonly key: string }): Promise<{ readonly success: boolean }>;
}

const full = (now: number): Bucket => ({ left: limits.timeBurst, at: now });

/** @returns what is left after one question, or null when there was nothing to take. */
function taken({ left, at }: Bucket, now: number): Bucket | null {
  // A clock that was set back refills nothing, and takes nothing away.
  const filled = left + (Math.max(0, now - at) / 1000) * limits.timePerSecond;
  const most = Math.min(limits.timeBurst, filled);
  return most < 1 ? null : { left: most - 1, at: now };
}

/** One question more of this address, if its bucket allows it. */
export function mayAsk(buckets: Lru<Bucket>, address: string, now: number): boolean {
  const after = taken(buckets.get(address) ?? full(now), now);
  if (after !== null) buckets.set(address, after);
  return after !== null;
}

/** A socket's own: it has one even where no address is known. */
export class Budget {
  #bucket: Bucket;

  constructor(now: number) {
    this.#bucket = full(now);
  }

  mayAsk(now: number): boolean {
    const after = taken(this.#bucket, now);
    if (after !== null) this.#bucket = after;
    return after !== null;
  }
}

/** Who asks: deployed, the platform sets this header itself, whatever the client sent. */
export const addressOf = (headers: Headers): string | null => headers.get("cf-connecting-ip");

const retryAfterSeconds = Math.max(1, Math.ceil(limits.timeIntervalMs / 1000));

/** What NTP says by the kiss of death RATE. */
export const rateLimited = (): Problem =>
  new Problem("rate-limited", `ask for the time at most once in ${limits.timeIntervalMs / 1000} s`, {
    headers: { "retry-after": String(retryAfterSeconds) },
  });

/** @throws {Problem} when this address has asked too often. */
export async function spend(
  address: string | null,
  counter: Counter | undefined,
  buckets: Lru<Bucket>,
  now: number,
): Promise<void> {
  if (address === null) return;
  const allowed =
    counter === undefined ? mayAsk(buckets, address, now) : (await counter.limit({ key: address })).success;
  if (!allowed) throw rateLimited();
}
