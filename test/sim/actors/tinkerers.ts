/**
 * Clients that try whatever a transaction may say: comparisons of all kinds, ranges read and deleted, values and leases
 * kept, branches within branches. Few keys, so that they meet; what came of it is judged by the model alone.
 */
import { leaseId, revision } from "../../../src/support/brand.ts";
import type { ByteString, LeaseId } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import type { Entry } from "../../../src/store/command.ts";
import { userKey } from "../../../src/store/key-space.ts";
import { allOf, rangeStart } from "../../../src/store/ranges.ts";
import { changesKeyTwice, prefixRange } from "../../../src/store/transaction.ts";
import type { Compare, KeyRange, RangeQuery, Transaction, TxnOperation } from "../../../src/store/transaction.ts";
import type { World } from "../world.ts";
import type { Desk } from "./desk.ts";

export const tinkeredRange: KeyRange = prefixRange(userKey(utf8("t/")));
const keys: readonly ByteString[] = [0, 1, 2, 3].map((n) => userKey(utf8(`t/${n}`)));
/** Leases that several of them grant, use and revoke: nobody owns one. */
const leases: readonly LeaseId[] = ["71", "72"].map((id) => leaseId(id));
/** Comes and goes with the keys that are tied to it. */
const fleeting = leaseId("fleeting");

export class Tinkerers {
  readonly #desk: Desk;
  readonly #world: World;
  #count = 0;
  /** What was last seen of the keys. */
  #seen: readonly Entry[] = [];
  #at = 1;

  constructor(desk: Desk, clients: number) {
    this.#desk = desk;
    this.#world = desk.world;
    for (let i = 0; i < clients; i += 1) desk.begin(async () => this.#live(`tinker${i}`));
  }

  async #live(client: string): Promise<void> {
    const desk = this.#desk;
    while (desk.running) {
      await desk.pause(this.#world.between(150, 1_200));
      switch (this.#world.pick(["txn", "txn", "txn", "lease", "put", "read", "batch"] as const)) {
        case "txn":
          await desk.write(client, { type: "txn", transaction: this.#drawn(false) });
          break;
        case "lease": {
          const lease = this.#world.pick(leases);
          const type = this.#world.pick(["grant", "grant", "renew", "revoke"] as const);
          await desk.write(client, type === "grant" ? { type, lease, ttlMs: 3_000 } : { type, lease });
          break;
        }
        case "put":
          await desk.write(client, {
            type: "put",
            key: this.#world.pick(keys),
            value: this.#value(),
            condition: { type: "always" },
            ...(this.#world.chance(0.5)
              ? { lease: { id: fleeting, ttlMs: 3_000 } }
              : { tie: this.#world.pick(leases) }),
          });
          break;
        case "read":
          await desk.read(client, { type: "transaction", transaction: this.#drawn(true) }, "transaction");
          break;
        case "batch":
          await desk.batch(client, [
            { type: "txn", transaction: this.#drawn(false) },
            { type: "txn", transaction: this.#drawn(false) },
            { type: "transaction", transaction: this.#drawn(true) },
          ]);
          break;
      }
      const query = { type: "range", range: allOf(tinkeredRange), place: rangeStart } as const;
      const looked = this.#world.chance(0.4) ? await desk.read(client, query, "range") : null;
      if (looked === null) continue;
      this.#seen = looked.result.range.entries;
      this.#at = looked.revision;
    }
  }

  #drawn(readOnly: boolean): Transaction {
    for (;;) {
      const transaction = this.#transaction(readOnly, 1);
      // The doors refuse these.
      if (!changesKeyTwice(transaction)) return transaction;
    }
  }

  #transaction(readOnly: boolean, depth: number): Transaction {
    const some = <T>(most: number, make: () => T): readonly T[] =>
      Array.from({ length: Math.floor(this.#world.between(0, most + 0.99)) }, make);
    return {
      compares: some(2, () => this.#compare()),
      success: some(3, () => this.#operation(readOnly, depth)),
      failure: some(2, () => this.#operation(readOnly, depth)),
    };
  }

  #operation(readOnly: boolean, depth: number): TxnOperation {
    const world = this.#world;
    const kind = world.pick(
      readOnly ? (["range", "range", "txn"] as const) : (["put", "put", "delete", "range", "txn"] as const),
    );
    switch (kind) {
      case "put":
        return {
          type: "put",
          key: world.pick(keys),
          value: world.chance(0.15) ? null : this.#value(),
          lease: world.pick([null, null, "keep", fleeting, ...leases] as const),
          previous: world.chance(0.3),
        };
      case "delete":
        return { type: "delete", range: this.#range(), previous: world.chance(0.5) };
      case "txn":
        if (depth < 3) return { type: "txn", transaction: this.#transaction(readOnly, depth + 1) };
        return { type: "range", query: this.#query(readOnly) };
      case "range":
        return { type: "range", query: this.#query(readOnly) };
    }
  }

  #query(readOnly: boolean): RangeQuery {
    const world = this.#world;
    // What writes reads the present alone: whether the past is kept must make no difference to what comes of it (V4).
    const past = !readOnly && world.chance(0.1);
    return {
      ...allOf(this.#range()),
      revision: past ? revision(Math.max(1, this.#at - Math.floor(world.between(0, 60)))) : null,
      limit: world.pick([0, 0, 1, 2]),
      keysOnly: world.chance(0.2),
      countOnly: world.chance(0.2),
    };
  }

  #range(): KeyRange {
    const world = this.#world;
    if (world.chance(0.2)) return tinkeredRange;
    const key = world.pick(keys);
    return { key, end: world.chance(0.5) ? null : world.pick(keys) };
  }

  #compare(): Compare {
    const world = this.#world;
    const range = this.#range();
    const entry = this.#seen.find(({ key }) => key === range.key);
    const result = world.pick(["equal", "equal", "not-equal", "greater", "less"] as const);
    switch (world.pick(["version", "create", "mod", "lease", "value"] as const)) {
      case "version":
        return { range, result, operand: { type: "version", number: entry?.version ?? 0 } };
      case "create":
        return { range, result, operand: { type: "create", number: entry?.createRevision ?? 0 } };
      case "mod":
        return { range, result, operand: { type: "mod", number: entry?.modRevision ?? 0 } };
      case "lease":
        return {
          range,
          result: world.pick(["equal", "not-equal"] as const),
          operand: { type: "lease", lease: world.pick([null, ...leases]) },
        };
      case "value":
        return { range, result, operand: { type: "value", value: entry?.value ?? utf8("v0") } };
    }
  }

  #value(): Uint8Array {
    this.#count += 1;
    return utf8(`v${this.#count}`);
  }
}
