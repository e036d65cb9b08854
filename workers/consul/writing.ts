/**
 * Carries out what was decided (`steps.ts`): one transaction, which holds only if nothing has changed that it was decided
 * on; otherwise it is decided anew. So every write is atomic and linearizable, and a write that changes nothing makes no
 * revision. It is first decided on what the nearest replica has, which costs no round trip; a "no" is never said on that.
 */
import type { ByteString, Revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import type { KeyRange, TxnOperation } from "../../src/store/transaction.ts";
import { freshIdentity } from "../gateway/identity.ts";
import { Problem } from "../gateway/problems.ts";
import type { Visit } from "../gateway/visit.ts";
import { writeAs } from "../gateway/writes.ts";
import { ConsulError } from "./errors.ts";
import { encodeMeta, isDefault } from "./pairs.ts";
import type { Pair } from "./pairs.ts";
import { delayMs } from "./sessions.ts";
import { alone, besideKey, besideRange, delayLease, pairKey, pairRange, sessionLease } from "./space.ts";
import { decide, pending } from "./steps.ts";
import type { Change, Decision, Step } from "./steps.ts";
import { look } from "./world.ts";
import type { Seen } from "./world.ts";
import { utf8 } from "../../src/support/bytes.ts";

export interface Carried {
  readonly decision: Decision;
  /** The store's after it. */
  readonly revision: Revision;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * @param attempts so often it is decided.
 * @returns null when others came before every time.
 */
export async function carryOut(
  visit: Visit,
  steps: readonly Step[],
  attempts: number = limits.consulAttempts,
): Promise<Carried | null> {
  let seen = await look(visit, { type: "local", maxAgeMs: null }, steps);
  let sure = false;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const decision = decide(steps, seen);
    if (decision.failures.length > 0 || changesNothing(decision)) {
      if (sure) return { decision, revision: seen.revision, headers: seen.headers };
    } else {
      const written = await tryWrite(visit, decision, seen);
      if (written !== null) return { decision, ...written };
    }
    seen = await look(visit, { type: "linearizable" }, steps);
    sure = true;
  }
  return null;
}

const changesNothing = ({ changes, trees }: Decision): boolean => changes.size === 0 && trees.length === 0;

/** Others always came first. */
export const crowded = (): Problem =>
  new Problem("overloaded", `others changed the same keys ${limits.consulAttempts} times meanwhile`);

/** @returns null when something has changed. */
async function tryWrite(visit: Visit, decision: Decision, seen: Seen): Promise<Omit<Carried, "decision"> | null> {
  const success = operationsFor(decision, seen);
  if (success.length + seen.guards.length > limits.transactionParts) {
    throw new ConsulError(413, "Transaction is too large: it reads and changes too many keys");
  }
  try {
    return await transact(visit, { compares: seen.guards, success, failure: [] });
  } catch (error) {
    // The session ended meanwhile.
    if (error instanceof Problem && error.code === "lease-not-found") return null;
    throw error;
  }
}

type Transaction = Extract<TxnOperation, { type: "txn" }>["transaction"];

/** @returns null when its comparisons do not hold. */
async function transact(visit: Visit, transaction: Transaction): Promise<Omit<Carried, "decision"> | null> {
  const intent = {
    identity: freshIdentity(visit.random),
    guard: null,
    operation: { type: "txn", transaction },
  } as const;
  const { outcome, headers } = await writeAs(visit, intent, "txn");
  return outcome.succeeded ? { revision: outcome.revision, headers } : null;
}

// --- in the store's words ---

const removal = (range: KeyRange): TxnOperation => ({ type: "delete", range, previous: false });
const put = (key: ByteString, value: Uint8Array | null, lease: Pair["lease"]): TxnOperation => ({
  type: "put",
  key,
  value,
  lease,
  previous: false,
});

function operationsFor({ changes, trees }: Decision, seen: Seen): readonly TxnOperation[] {
  const operations: TxnOperation[] = [];
  const puts: ByteString[] = [];
  for (const [key, change] of changes) {
    const own = change.after === null ? removals(key, seen) : putsFor(key, change, change.after, seen);
    operations.push(...own);
    for (const one of own) if (one.type === "put") puts.push(one.key);
  }
  for (const prefix of trees) {
    for (const range of treeRanges(prefix)) operations.push(...without(range, puts).map(removal));
  }
  return operations;
}

/** A key and all that stands beside it, for every key that begins so. */
const treeRanges = (prefix: ByteString): readonly KeyRange[] => [
  pairRange(prefix),
  besideRange("m", prefix),
  besideRange("h", prefix),
  besideRange("d", prefix),
];

/** What is left of a range without some keys: within one revision a key changes once. */
function without({ key, end }: KeyRange, points: readonly ByteString[]): readonly KeyRange[] {
  const left: KeyRange[] = [];
  let from = key;
  for (const one of points.filter((at) => at >= key && end !== null && at < end).toSorted((a, b) => (a < b ? -1 : 1))) {
    if (one > from) left.push({ key: from, end: one });
    from = `${one}\0` as ByteString;
  }
  return [...left, { key: from, end }];
}

function removals(key: ByteString, seen: Seen): readonly TxnOperation[] {
  const { pair, meta, holder, delay } = seen.rows(key);
  // The lock-delay of a session that ended outlives the key.
  const markers = holder === null ? [] : [holder, delay];
  return [pair, meta, ...markers].filter((row) => row !== null).map((row) => removal(alone(row.key)));
}

function putsFor(key: ByteString, { before, undelayed }: Change, after: Pair, seen: Seen): readonly TxnOperation[] {
  const rows = seen.rows(key);
  const operations: TxnOperation[] = [];
  const kept = rows.pair !== null && after.value === before.pair?.value;
  operations.push(put(pairKey(key), kept ? null : after.value, after.lease));
  const held = after.session !== null;
  const meta = { flags: after.flags, lockIndex: after.lockIndex, held };
  if (!isDefault(meta)) operations.push(put(besideKey("m", key), encodeMeta(meta), after.lease));
  else if (rows.meta !== null) operations.push(removal(alone(rows.meta.key)));

  const session = after.session === null ? null : seen.session(after.session);
  const unlocked = !held && rows.holder !== null;
  if (unlocked && rows.holder !== null) operations.push(removal(alone(rows.holder.key)));
  // A holder that another write only keeps is not written again: its session may have no say in it.
  const taken = session !== null && before.pair?.session !== session.id;
  if (taken) {
    operations.push(put(besideKey("h", key), utf8(session.id), sessionLease(session.id)));
    const delayed = delayMs(session) > 0;
    if (delayed) operations.push(put(besideKey("d", key), utf8(session.id), delayLease(session.id)));
    else if (rows.delay !== null) operations.push(removal(alone(rows.delay.key)));
  } else if (unlocked && undelayed && rows.delay !== null) operations.push(removal(alone(rows.delay.key)));
  return operations;
}

/** A pair as it stands once it was written. */
export const settled = (pair: Pair, at: Revision): Pair => ({
  ...pair,
  createIndex: pair.createIndex === pending ? at : pair.createIndex,
  modifyIndex: pair.modifyIndex === pending ? at : pair.modifyIndex,
});

/**
 * A plain write that asks for nothing and always succeeds: for keys that many write at once. It keeps who holds the key;
 * what it cannot tell is whether it changes anything.
 */
export async function writeRegardless(visit: Visit, { key, value, flags }: Pick<Pair, "key" | "value" | "flags">) {
  const [pair, meta, holder] = [pairKey(key), besideKey("m", key), besideKey("h", key)];
  const exists = (one: ByteString) =>
    ({ range: alone(one), result: "greater", operand: { type: "version", number: 0 } }) as const;
  const leave: Transaction = {
    compares: [{ ...exists(pair), result: "equal" }],
    success: [removal(alone(holder))],
    failure: [],
  };
  await transactEither(visit, {
    compares: [exists(pair), exists(holder)],
    success: [
      { type: "put", key: pair, value, lease: "keep", previous: false },
      put(meta, encodeMeta({ flags, lockIndex: 0, held: true }), null),
    ],
    failure: [
      put(pair, value, null),
      put(meta, encodeMeta({ flags, lockIndex: 0, held: false }), null),
      { type: "txn", transaction: leave },
    ],
  });
}

async function transactEither(visit: Visit, transaction: Transaction): Promise<void> {
  const intent = {
    identity: freshIdentity(visit.random),
    guard: null,
    operation: { type: "txn", transaction },
  } as const;
  await writeAs(visit, intent, "txn");
}

/** Deletes a key, whatever it holds, and a lock on it; a lock-delay that runs already goes on. */
export async function removeRegardless(visit: Visit, key: ByteString): Promise<void> {
  const [pair, meta, holder, delay] = [pairKey(key), besideKey("m", key), besideKey("h", key), besideKey("d", key)].map(
    alone,
  );
  if (pair === undefined || meta === undefined || holder === undefined || delay === undefined) return;
  const held = { range: holder, result: "greater", operand: { type: "version", number: 0 } } as const;
  const undelay: Transaction = { compares: [held], success: [removal(delay)], failure: [] };
  const success: TxnOperation[] = [
    removal(pair),
    removal(meta),
    removal(holder),
    { type: "txn", transaction: undelay },
  ];
  await transactEither(visit, { compares: [], success, failure: [] });
}

/** Deletes all keys that begin so, and what stands beside them. */
export async function removeTree(visit: Visit, prefix: ByteString): Promise<void> {
  await transactEither(visit, { compares: [], success: treeRanges(prefix).map(removal), failure: [] });
}
