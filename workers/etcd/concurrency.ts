/**
 * etcd's concurrency package: the queue behind its locks and elections. A place is a client's key `<name>/<lease in hex>`
 * tied to a lease; the one that was created first holds. Who waits waits for the deletion of the last place before its own,
 * so that nobody is woken in vain. Any etcd client may take part in the same queue by plain transactions.
 */
import { leaseId } from "../../src/support/brand.ts";
import type { ByteString, Revision } from "../../src/support/brand.ts";
import { prefixEnd, utf8 } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import type { Entry } from "../../src/store/command.ts";
import { startOf } from "../../src/store/events.ts";
import { userKey, userRange } from "../../src/store/key-space.ts";
import { allOf } from "../../src/store/ranges.ts";
import type { KeyRange, RangeQuery, TxnOperation } from "../../src/store/transaction.ts";
import { Problem } from "../gateway/problems.ts";
import type { Visit } from "../gateway/visit.ts";
import { happenings } from "../gateway/watching.ts";
import { regionIn } from "./answers.ts";
import { writeFresh } from "./calls.ts";
import type { Call } from "./calls.ts";
import { EtcdError, etcdErrorOf, failing } from "./errors.ts";
import { readRange } from "./kv.ts";
import type { FoundRange } from "./kv.ts";
import { mintLease } from "./lease.ts";

/** What a lock lives that was asked for without a lease: etcd's default for a session. */
const sessionSeconds = 60;

/** etcd's services for locks and elections lose the codes of what goes wrong below them. */
export function withoutCode(error: unknown): never {
  const { code, message } = etcdErrorOf(error);
  const lost = code === 3 || code === 5 || code === 9 || code === 11;
  throw lost ? new EtcdError(2, message) : error;
}

/** The lease itself, or a new one where none was named. */
export async function sessionLease({ visit }: Call, lease: bigint): Promise<bigint> {
  if (lease !== 0n) return lease;
  const minted = mintLease(visit);
  const operation = { type: "grant", lease: leaseId(String(minted)), ttlMs: sessionSeconds * 1000 } as const;
  await writeFresh({ visit }, operation, "granted");
  return minted;
}

export interface Queue {
  /** What all of its places begin with, as bytes of a client's key. */
  readonly prefix: Uint8Array;
  readonly range: KeyRange;
}

export function queueOf(name: Uint8Array): Queue {
  const prefix = new Uint8Array([...name, 0x2f]);
  const stored = userKey(prefix);
  return { prefix, range: { key: stored, end: prefixEnd(stored) ?? userRange.end } };
}

export interface Place {
  readonly key: Uint8Array;
  readonly stored: ByteString;
  /** The revision that created it. */
  readonly created: Revision;
  readonly lease: bigint;
  /** By this very call, not by an earlier one under the same lease. */
  readonly ours: boolean;
  /** What the key holds, when an earlier call made it. */
  readonly found: Entry | null;
  /** The store's revision after it was taken, and who said so. */
  readonly revision: Revision;
  readonly region: string;
}

/** Takes the lease's place in the queue, or finds the one it has. @throws {EtcdError} */
export async function takePlace(call: Call, { prefix }: Queue, lease: bigint, value: Uint8Array): Promise<Place> {
  const key = new Uint8Array([...prefix, ...utf8(lease.toString(16))]);
  if (key.length > limits.keyBytes) throw failing.keyTooLong();
  if (value.length > limits.valueBytes) throw failing.requestTooLarge();
  const stored = userKey(key);
  const tie = leaseId(String(lease));
  const transaction = {
    compares: [ifCreatedAt(stored, 0)],
    success: [{ type: "put", key: stored, value, lease: tie, previous: false }],
    failure: [{ type: "range", query: allOf({ key: stored, end: null }) }],
  } as const;
  const { outcome, headers } = await writeFresh(call, { type: "txn", transaction }, "txn");
  const region = regionIn(headers);
  const taken = { key, stored, lease, revision: outcome.revision, region };
  if (outcome.succeeded) return { ...taken, created: outcome.revision, ours: true, found: null };
  const response = outcome.responses?.[0];
  const found = response?.type === "range" ? (response.entries[0] ?? null) : null;
  // What it holds was too large to be remembered for a copy of this very command.
  if (found === null) throw failing.timedOut();
  return { ...taken, created: found.createRevision, ours: false, found };
}

const ifCreatedAt = (key: ByteString, at: number) =>
  ({ range: { key, end: null }, result: "equal", operand: { type: "create", number: at } }) as const;

/** Does one thing to a place if it is still the one that was taken. @returns null when it is not. */
export async function ifStill(call: Pick<Call, "visit">, key: ByteString, created: number, step: TxnOperation) {
  const transaction = { compares: [ifCreatedAt(key, created)], success: [step], failure: [] };
  const { outcome, headers } = await writeFresh(call, { type: "txn", transaction }, "txn");
  return { held: outcome.succeeded, revision: outcome.revision, region: regionIn(headers) };
}

async function leavePlace({ visit }: Pick<Call, "visit">, { stored, created, ours }: Place): Promise<void> {
  if (!ours) return;
  await ifStill({ visit }, stored, created, { type: "delete", range: { key: stored, end: null }, previous: false });
}

/** The first place of a queue: who holds. */
export const firstPlace = async (visit: Visit, { range }: Queue): Promise<FoundRange> =>
  readRange(visit, { type: "linearizable" }, { ...allOf(range), sort: byCreation(false), limit: 1 });

const byCreation = (descending: boolean): RangeQuery["sort"] => ({ target: "create", descending });

/** Settles once no place lies before `created`. A client that hangs up leaves its own. @throws {EtcdError} */
export async function waitForTurn(call: Call, queue: Queue, place: Place): Promise<FoundRange> {
  const hangUp = hungUp(call.signal);
  const waiting = waitForDeletions(call, queue, place, hangUp);
  // Should the client hang up, its place is still to be left.
  call.visit.afterwards(waiting.catch(() => undefined));
  return waiting;
}

async function waitForDeletions(
  { visit }: Call,
  queue: Queue,
  place: Place,
  hangUp: Promise<null>,
): Promise<FoundRange> {
  const before = {
    ...allOf(queue.range),
    sort: byCreation(true),
    limit: 1,
    maxCreate: place.created - 1,
    keysOnly: true,
  };
  try {
    for (;;) {
      const found = await readRange(visit, { type: "linearizable" }, before);
      const [last] = found.result.entries;
      if (last === undefined) break;
      await waitForDeletion(visit, last.key, found.revision, hangUp);
    }
    const own = await readRange(visit, { type: "linearizable" }, allOf({ key: place.stored, end: null }));
    if (own.result.entries[0]?.createRevision === place.created) return own;
  } catch (error) {
    await leavePlace({ visit }, place);
    throw error;
  }
  throw new EtcdError(2, "mutex: session is expired");
}

async function waitForDeletion(visit: Visit, key: ByteString, since: number, hangUp: Promise<null>): Promise<void> {
  const followed = { range: { key, end: null }, puts: false, deletes: true, previous: false };
  for (let from = startOf(since + 1); ;) {
    const asked = happenings(visit, followed, from).catch(fromAnew);
    const answer = await Promise.race([asked, hangUp]);
    if (answer === null) throw new EtcdError(1, "context canceled");
    if (answer === "anew" || answer.events.length > 0) return;
    from = answer.next;
  }
}

/** Where history is gone, a look at the queue tells. */
function fromAnew(error: unknown): "anew" {
  if (error instanceof Problem && error.code === "revision-compacted") return "anew";
  throw error;
}

/** Settles when the client is gone. */
async function hungUp(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    signal.addEventListener("abort", () => resolve(null), { once: true });
  });
}
