/** Commands drawn from few keys, leases, queues, sessions and ids, so that they meet: for logs that reach every rule. */
import type { Condition, Operation } from "../../../src/store/command.ts";
import { changesKeyTwice } from "../../../src/store/transaction.ts";
import type { Compare, KeyRange, Transaction, TxnOperation } from "../../../src/store/transaction.ts";
import { leaseId, revision } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { integerBetween } from "../../../src/support/random.ts";
import type { Random } from "../../../src/support/random.ts";
import { compact, enqueue, expire, grant, key, put, queue, remove, renew, revoke, txn } from "./driver.ts";
import type { CommandParts } from "./driver.ts";
import { queryOf, rangeFrom } from "./transactions.ts";

/** What a draw must know of the store it is for. */
export interface Stand {
  /** Of the batch it is for: commands that end leases name one shortly before. */
  readonly slot: number;
  /** About where the store is: commands that compact, and guards, name one shortly before. */
  readonly revision: number;
}

export function randomOperation(random: Random, { slot, revision }: Stand): Operation {
  const draw = (high: number) => integerBetween(random, 1, high);
  const name = `key${draw(5)}`;
  const lease = `lease${draw(3)}`;
  const ttlMs = draw(100);
  switch (draw(16)) {
    case 1:
      return remove(name, randomCondition(random));
    case 2:
      return expire(lease, Math.max(1, slot - draw(6)));
    case 3:
    case 4:
      return put(name, `value ${draw(2)}`, {
        condition: randomCondition(random),
        keepIfEqual: draw(2) === 1,
      });
    case 5:
      return put(name, `value ${draw(2)}`, { tie: lease });
    case 6:
      return grant(lease, ttlMs);
    case 7:
      return renew(lease);
    case 8:
      return revoke(lease);
    case 9:
      return draw(3) === 1 ? compact(Math.max(1, revision - draw(10))) : renew(lease);
    case 10:
      return enqueue(`queue${draw(2)}`, lease, { ttlMs });
    case 11:
    case 12:
    case 13:
      return txn(randomTransaction(random));
    default:
      return put(name, `value ${draw(2)}`, { lease, ttlMs, keepIfEqual: draw(2) === 1 });
  }
}

export function randomParts(random: Random, now: number, stand: Stand): CommandParts {
  const draw = (high: number) => integerBetween(random, 1, high);
  const deadline = now + draw(300) - 20;
  const known = { id: `id${draw(8)}`, deadline };
  switch (draw(6)) {
    case 1:
      return known;
    case 2:
      return { ...known, fingerprint: `request ${draw(2)}`, deadline: now + draw(4) * 100 };
    case 3:
      return { deadline, order: { session: `session${draw(2)}`, sequence: draw(4) } };
    case 4:
      return {
        deadline,
        guard: { queue: queue(`queue${draw(2)}`), token: revision(Math.max(1, stand.revision - draw(9))) },
      };
    default:
      return { deadline };
  }
}

function randomCondition(random: Random): Condition {
  switch (integerBetween(random, 1, 6)) {
    case 1:
      return { type: "absent" };
    case 2:
      return { type: "present" };
    case 3:
      return { type: "unchanged-since", modRevision: revision(integerBetween(random, 1, 60)) };
    default:
      return { type: "always" };
  }
}

/** None that changes a key twice: no leader could propose it. */
function randomTransaction(random: Random): Transaction {
  for (;;) {
    const transaction = nested(random, 2);
    if (!changesKeyTwice(transaction)) return transaction;
  }
}

function nested(random: Random, depth: number): Transaction {
  const few = <T>(most: number, draw: () => T): readonly T[] =>
    Array.from({ length: integerBetween(random, 0, most) }, draw);
  return {
    compares: few(1, () => randomCompare(random)),
    success: few(3, () => randomStep(random, depth)),
    failure: few(2, () => randomStep(random, depth)),
  };
}

function randomRange(random: Random): KeyRange {
  const [from, to] = [integerBetween(random, 1, 5), integerBetween(random, 1, 6)];
  return integerBetween(random, 1, 2) === 1 ? rangeFrom(`key${from}`) : rangeFrom(`key${from}`, `key${to}`);
}

function randomCompare(random: Random): Compare {
  const range = randomRange(random);
  switch (integerBetween(random, 1, 3)) {
    case 1:
      return { range, result: "equal", operand: { type: "version", number: integerBetween(random, 0, 1) } };
    case 2:
      return { range, result: "not-equal", operand: { type: "lease", lease: leaseId("lease1") } };
    default:
      return { range, result: "greater", operand: { type: "value", value: utf8("value 1") } };
  }
}

function randomStep(random: Random, depth: number): TxnOperation {
  const draw = (high: number) => integerBetween(random, 1, high);
  const previous = draw(2) === 1;
  switch (draw(depth > 1 ? 6 : 5)) {
    case 1:
      return { type: "delete", range: randomRange(random), previous };
    case 2:
      return { type: "range", query: { ...queryOf(randomRange(random)), limit: draw(3) - 1 } };
    case 3:
    case 4:
    case 5: {
      const lease = draw(3) === 1 ? leaseId(`lease${draw(3)}`) : draw(4) === 1 ? "keep" : null;
      return { type: "put", key: key(`key${draw(5)}`), value: draw(6) === 1 ? null : utf8("x"), lease, previous };
    }
    default:
      return { type: "txn", transaction: nested(random, depth - 1) };
  }
}
