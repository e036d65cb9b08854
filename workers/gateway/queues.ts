/**
 * Standing in a queue: what locks and elections share. A place is taken, kept alive while it waits, confirmed once it is the
 * first, renewed, and left. Whoever is told that it is first was first at the slot of that confirmation (SPEC K1); what
 * becomes of it afterwards only its token proves. Nothing is kept here: a gateway that dies leaves places that end by
 * themselves, soon (`limits.waitingPlaceMs`) or, once confirmed, when their time to live is over.
 */
import { assert } from "../../src/support/assert.ts";
import { leaseId } from "../../src/support/brand.ts";
import type { ByteString, LeaseId, Revision } from "../../src/support/brand.ts";
import { byteString, utf8 } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import { randomIdentity } from "../../src/support/random.ts";
import type { Consistency } from "../../src/replica/messages.ts";
import type { Entry } from "../../src/store/command.ts";
import { startOf } from "../../src/store/events.ts";
import { placeKey, tokenOf } from "../../src/store/queues.ts";
import { allOf, rangeStart } from "../../src/store/ranges.ts";
import { prefixRange } from "../../src/store/transaction.ts";
import type { RangeQuery } from "../../src/store/transaction.ts";
import { guardIn, refuseGuard } from "./guards.ts";
import { freshIdentity, hexDigest, idempotencyKey, identityOf, refuseOrder } from "./identity.ts";
import type { Asked } from "./identity.ts";
import { decodePlace, encodePlace } from "./places.ts";
import type { PlaceValue } from "./places.ts";
import { Problem } from "./problems.ts";
import { read } from "./reads.ts";
import type { Visit } from "./visit.ts";
import { happenings } from "./watching.ts";
import { writeAs } from "./writes.ts";
import type { Written } from "./writes.ts";

/** A queue of its own for each name of each kind. */
export interface Queue {
  readonly kind: "lock" | "election";
  readonly name: Uint8Array;
  /** What all its places begin with. */
  readonly prefix: ByteString;
}

export interface Place extends PlaceValue {
  readonly token: Revision;
  readonly lease: LeaseId | null;
  /** When its value was last changed. */
  readonly modRevision: Revision;
}

interface Places {
  /** In their order; the first is what the queue is about. */
  readonly places: readonly Place[];
  /** The store's, at which they were read. */
  readonly revision: Revision;
  readonly headers: Readonly<Record<string, string>>;
}

/** @param limit at most so many, of a whole queue. */
export async function placesOf(
  visit: Visit,
  consistency: Consistency,
  queue: Queue,
  limit: number = limits.queuePlaces,
): Promise<Places> {
  return placesIn(visit, consistency, queue, { ...allOf(prefixRange(queue.prefix)), limit });
}

async function placesIn(visit: Visit, consistency: Consistency, queue: Queue, range: RangeQuery): Promise<Places> {
  const places: Place[] = [];
  for (let place = rangeStart; ;) {
    const asked = { type: "range", range, place } as const;
    const { result, revision, headers } = await read(visit, consistency, asked, "range");
    const { entries, more } = result.range;
    places.push(...entries.map((entry) => placeIn(queue, entry)).filter((one) => one !== null));
    const last = entries.at(-1);
    // A page ends for its size, too; places that come or go between two pages are those of another moment.
    if (!more || last === undefined || places.length >= range.limit) return { places, revision, headers };
    place = { after: last.key, skip: 0 };
  }
}

function placeIn({ prefix }: Queue, entry: Entry): Place | null {
  const token = tokenOf(prefix, entry.key);
  const { lease, modRevision, value } = entry;
  return token === null ? null : { ...decodePlace(value), token, lease, modRevision };
}

// --- taking a place, and waiting in it ---

export interface Wanted {
  readonly queue: Queue;
  readonly value: PlaceValue;
  readonly waitMs: number;
  /** What the client asked for, for its `Idempotency-Key`. */
  readonly asked: Asked;
  readonly headers: Headers;
  /** Fires when the client is gone. */
  readonly signal: AbortSignal;
}

export type Acquired =
  | {
      readonly type: "first";
      readonly token: Revision;
      readonly headers: Written<"enqueued">["headers"];
      /** Gives the place up, should nobody be there to take it; null where it was not waited for, or a retry may come. */
      readonly leave: (() => Promise<unknown>) | null;
    }
  /** The wait is over and the place given up. `first` is who is in front now, if anybody. */
  | { readonly type: "taken"; readonly first: Place | null };

/**
 * Takes a place and waits in it until it is the first.
 *
 * Under an `Idempotency-Key` the same request takes one place only: a retry finds it, goes on waiting in it, or is told
 * the same token. So then a place is not given up when the client hangs up: it is kept for the retry, for as long as it
 * lives.
 *
 * @throws {Problem} `lock-lost` when the place ended while it waited, or was left before a retry came.
 */
export async function acquire(visit: Visit, wanted: Wanted): Promise<Acquired> {
  refuseOrder(wanted.headers);
  const until = visit.now() + wanted.waitMs;
  const key = idempotencyKey(wanted.headers);
  const lease = leaseOf(
    wanted.queue,
    key === null ? randomIdentity(visit.random) : `key/${await hexDigest(utf8(key))}`,
  );
  if (wanted.waitMs === 0) {
    // Who does not want to wait need not take a place to learn that another has it.
    const [first = null] = (await placesOf(visit, { type: "linearizable" }, wanted.queue, 1)).places;
    if (first !== null && first.lease !== lease) return { type: "taken", first };
  }
  const token = await enqueue(visit, wanted, lease);
  const waiter = new Waiter(visit, wanted, { token, lease, until });
  try {
    return await waiter.wait();
  } catch (error) {
    if (key === null) visit.afterwards(waiter.leave().catch(() => undefined));
    throw error;
  }
}

const leaseOf = ({ kind, name }: Queue, own: string): LeaseId => leaseId(`${kind}/${byteString(name)}/${own}`);

/** While it waits, a place lives no longer than a gateway that died should be waited for. */
const waitingTtl = ({ ttlMs }: PlaceValue): number => Math.min(ttlMs, limits.waitingPlaceMs);

async function enqueue(visit: Visit, { queue, value, asked, headers }: Wanted, lease: LeaseId): Promise<Revision> {
  const guard = guardIn(headers);
  const identity = await identityOf(headers, visit.random, guard === null ? asked : { ...asked, guard });
  const operation = {
    type: "enqueue",
    queue: queue.prefix,
    value: encodePlace(value),
    lease: { id: lease, ttlMs: waitingTtl(value) },
  } as const;
  const { outcome } = await writeAs(visit, { identity, guard, operation }, "enqueued");
  return outcome.token;
}

/** How long to pause when nobody could be asked. */
const pauseMs = 250;

class Waiter {
  readonly #visit: Visit;
  readonly #wanted: Wanted;
  readonly #token: Revision;
  readonly #lease: LeaseId;
  readonly #until: number;
  readonly #hungUp: Promise<"hung up">;
  #renewAt: number;
  #hasWaited = false;

  constructor(
    visit: Visit,
    wanted: Wanted,
    { token, lease, until }: { readonly token: Revision; readonly lease: LeaseId; readonly until: number },
  ) {
    this.#visit = visit;
    this.#wanted = wanted;
    this.#token = token;
    this.#lease = lease;
    this.#until = until;
    this.#renewAt = visit.now() + this.#renewEvery;
    this.#hungUp = hangUp(wanted.signal);
  }

  get #renewEvery(): number {
    return waitingTtl(this.#wanted.value) / 3;
  }

  async wait(): Promise<Acquired> {
    for (let seen = this.#token; ;) {
      const found = await this.#look(seen).catch(askedInVain);
      if (found?.ahead === null) return this.#confirm();
      if (this.#visit.now() >= this.#until) return this.#giveUp();
      this.#hasWaited = true;
      const news = found === null ? null : this.#gone(found.ahead, found.revision).catch(askedInVain);
      seen = found?.revision ?? seen;
      if ((await Promise.race([news ?? this.#pause(), this.#hungUp])) === "hung up") throw hungUp();
      if (news !== null && (await news) === null) await this.#pause();
      await this.#keepAlive();
    }
  }

  /** The place just before ours; null when ours is the first. @throws {Problem} when ours is gone. */
  async #look(seen: Revision): Promise<{ readonly ahead: Place | null; readonly revision: Revision }> {
    const { queue } = this.#wanted;
    const own = placeKey(queue.prefix, this.#token);
    const range = {
      ...allOf({ key: queue.prefix, end: justAfter(own) }),
      sort: { target: "key", descending: true },
      limit: 2,
    } as const;
    const { places, revision } = await placesIn(this.#visit, { type: "session", atLeast: seen }, queue, range);
    const [last, ahead = null] = places;
    if (last?.token === this.#token) return { ahead, revision };
    throw new Problem("lock-lost", "the place in the queue is gone: it was left, or its time to live ran out");
  }

  /** Until ours or the place before it goes, or it is time for something else. Only one waits for each: no stampede. */
  async #gone(ahead: Place, since: Revision): Promise<object> {
    const waitMs = Math.min(this.#until, this.#renewAt) - this.#visit.now();
    const { prefix } = this.#wanted.queue;
    const range = { key: placeKey(prefix, ahead.token), end: justAfter(placeKey(prefix, this.#token)) };
    const followed = { range, puts: false, deletes: true, previous: false };
    const most = Math.min(Math.max(0, Math.ceil(waitMs)), limits.watchWaitMs);
    return happenings(this.#visit, followed, startOf(since + 1), most);
  }

  /**
   * From here on the place lives as long as was asked for, counted from now. Carried out only if it is the first, so it
   * never takes a second place, whatever became of it meanwhile.
   */
  async #confirm(): Promise<Acquired> {
    const { queue, value, signal } = this.#wanted;
    const guard = { queue: queue.prefix, token: this.#token };
    const lease = { id: this.#lease, ttlMs: value.ttlMs };
    const operation = { type: "enqueue", queue: queue.prefix, value: encodePlace(value), lease } as const;
    const { outcome, headers } = await this.#write({ guard, operation }, "enqueued");
    assert(outcome.token === this.#token, "K1 a confirmed place keeps its token");
    if (signal.aborted) throw hungUp();
    const leave = this.#hasWaited && idempotencyKey(this.#wanted.headers) === null ? async () => this.leave() : null;
    return { type: "first", token: this.#token, headers, leave };
  }

  async #keepAlive(): Promise<void> {
    if (this.#visit.now() < this.#renewAt) return;
    this.#renewAt = this.#visit.now() + this.#renewEvery;
    const operation = { type: "renew", lease: this.#lease } as const;
    // That the lease is gone is found by the next look: its place went with it.
    await this.#write({ guard: null, operation }, "renewed").catch(askedInVain);
  }

  async #giveUp(): Promise<Acquired> {
    const { outcome } = await this.leave();
    const seen = { type: "session", atLeast: outcome.revision } as const;
    const [first = null] = (await placesOf(this.#visit, seen, this.#wanted.queue, 1)).places;
    return { type: "taken", first };
  }

  async leave(): Promise<Written<"deleted">> {
    const key = placeKey(this.#wanted.queue.prefix, this.#token);
    return this.#write({ guard: null, operation: { type: "delete", key, condition: { type: "always" } } }, "deleted");
  }

  async #write<Type extends "enqueued" | "renewed" | "deleted">(
    intent: Pick<Parameters<typeof writeAs>[1], "guard" | "operation">,
    type: Type,
  ): Promise<Written<Type>> {
    return writeAs(this.#visit, { identity: freshIdentity(this.#visit.random), ...intent }, type);
  }

  async #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#visit.after(pauseMs, resolve);
    });
  }
}

/** Just after a key comes the same with one zero byte more. */
const justAfter = (key: ByteString): ByteString => `${key}\0` as ByteString;

const hangUp = async (signal: AbortSignal): Promise<"hung up"> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve("hung up");
    signal.addEventListener("abort", () => resolve("hung up"), { once: true });
  });

/** Nobody reads this. */
const hungUp = (): Problem => new Problem("lock-held", "the client hung up while it waited");

/** Nobody could be asked just now: try again while there is time. @throws whatever says more than that. */
function askedInVain(error: unknown): null {
  if (error instanceof Problem && error.code !== "lock-lost") return null;
  throw error;
}

// --- a place that is known by its token ---

/**
 * Renews a place for as long as it was taken, if it is the first.
 * @throws {Problem} `lock-not-found` when nobody has that place, `lock-lost` when it is not the first.
 */
export async function renew(
  visit: Visit,
  headers: Headers,
  asked: Asked,
  queue: Queue,
  token: Revision,
): Promise<Written<"renewed">> {
  refuseGuard(headers);
  const { lease } = await placeBy(visit, queue, token);
  const identity = await identityOf(headers, visit.random, asked);
  const guard = { queue: queue.prefix, token };
  return writeAs(visit, { identity, guard, operation: { type: "renew", lease } }, "renewed");
}

/** Changes what a place holds, and renews it, if it is the first. @throws {Problem} as `renew` does. */
export async function proclaim(
  visit: Visit,
  headers: Headers,
  asked: Asked,
  queue: Queue,
  token: Revision,
  value: Uint8Array,
): Promise<Written<"put"> & { readonly ttlMs: number }> {
  refuseGuard(headers);
  const { lease, place } = await placeBy(visit, queue, token);
  const identity = await identityOf(headers, visit.random, asked);
  const operation = {
    type: "put",
    key: placeKey(queue.prefix, token),
    value: encodePlace({ ...place, value }),
    condition: { type: "present" },
    lease: { id: lease, ttlMs: place.ttlMs },
  } as const;
  const written = await writeAs(visit, { identity, guard: { queue: queue.prefix, token }, operation }, "put");
  return { ...written, ttlMs: place.ttlMs };
}

/** Which lease a place came with never changes: wherever the place is seen, however late, will do. */
async function placeBy(
  visit: Visit,
  queue: Queue,
  token: Revision,
): Promise<{ readonly lease: LeaseId; readonly place: PlaceValue }> {
  for (const consistency of [{ type: "local", maxAgeMs: null }, { type: "linearizable" }] as const) {
    const key = placeKey(queue.prefix, token);
    const { result } = await read(visit, consistency, { type: "get", key }, "entry");
    const { entry } = result;
    if (entry !== null && entry.lease !== null) return { lease: entry.lease, place: decodePlace(entry.value) };
  }
  throw new Problem("lock-not-found", "nobody has that place: it was left, or its time to live ran out");
}
