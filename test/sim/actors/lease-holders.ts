/**
 * Clients that live by a lease: they grant one, tie keys to it, renew it for a while, and then revoke it or fall silent.
 * As long as one is renewed in time it is there with all its keys (E1, E2).
 */
import { leaseId } from "../../../src/support/brand.ts";
import type { ByteString, LeaseId } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { userKey } from "../../../src/store/key-space.ts";
import type { TxnOperation } from "../../../src/store/transaction.ts";
import type { Desk } from "./desk.ts";

/** Somebody looked whether a lease is there. */
export interface Sight {
  readonly lease: string;
  readonly returnedAt: number;
  /** Until when the last renewal that was acknowledged before keeps it alive. */
  readonly dueAt: number;
  /** Keys that were found tied to it; null: there was no such lease. */
  readonly keys: number | null;
  readonly expectedKeys: number;
}

interface Held {
  readonly lease: LeaseId;
  readonly ttlMs: number;
  keys: number;
  dueAt: number;
}

export class LeaseHolders {
  readonly #desk: Desk;
  readonly sights: Sight[] = [];

  constructor(desk: Desk, clients: number) {
    this.#desk = desk;
    for (let i = 0; i < clients; i += 1) desk.begin(async () => this.#live(i + 1));
  }

  async #live(number: number): Promise<void> {
    const { world } = this.#desk;
    for (let life = 1; this.#desk.running; life += 1) {
      await this.#desk.pause(world.between(100, 1_500));
      // Granted leases are numbers, as etcd's are.
      const held: Held = {
        lease: leaseId(String(number * 1_000 + life)),
        ttlMs: world.pick([1_500, 3_000]),
        keys: 0,
        dueAt: 0,
      };
      await this.#hold(`holder${number}`, held);
    }
  }

  async #hold(client: string, held: Held): Promise<void> {
    const desk = this.#desk;
    const { world } = desk;
    const { lease, ttlMs } = held;
    const grantedAt = world.now;
    const granted = await desk.write(client, { type: "grant", lease, ttlMs });
    if (granted?.type !== "granted") return;
    held.dueAt = grantedAt + ttlMs;
    if (!(await this.#tie(client, held))) return;
    const renewals = Math.floor(world.between(0, 8));
    for (let i = 0; i < renewals && desk.running; i += 1) {
      await this.#look(client, held);
      await desk.pause(ttlMs / 4);
      const startedAt = world.now;
      const renewed = await desk.write(client, { type: "renew", lease });
      if (renewed?.type === "refused") return;
      if (renewed?.type === "renewed") held.dueAt = startedAt + ttlMs;
    }
    await this.#look(client, held);
    if (world.chance(0.4)) await desk.write(client, { type: "revoke", lease });
    // Silent from now on: it is looked for once more when it must be gone, or may still be there.
    else await desk.pause(ttlMs);
  }

  /** @returns false when nobody can say how many keys are tied now. */
  async #tie(client: string, held: Held): Promise<boolean> {
    const { lease } = held;
    const key = (name: string): ByteString => userKey(utf8(`leased/${lease}/${name}`));
    const always = { type: "always" } as const;
    const put = await this.#desk.write(client, {
      type: "put",
      key: key("a"),
      value: utf8("a"),
      condition: always,
      tie: lease,
    });
    if (put?.type !== "put") return false;
    held.keys = 1;
    if (this.#desk.world.chance(0.5)) return true;
    const step = (name: string): TxnOperation => ({
      type: "put",
      key: key(name),
      value: utf8(name),
      lease,
      previous: false,
    });
    const transaction = { compares: [], success: [step("b"), step("c")], failure: [] };
    const outcome = await this.#desk.write(client, { type: "txn", transaction });
    if (outcome?.type !== "txn") return false;
    held.keys = 3;
    return true;
  }

  async #look(client: string, { lease, dueAt, keys }: Held): Promise<void> {
    const found = await this.#desk.read(client, { type: "lease", lease, keys: 10 }, "lease");
    if (found === null) return;
    const { result } = found;
    this.sights.push({
      lease,
      returnedAt: this.#desk.world.now,
      dueAt,
      keys: result.lease === null ? null : result.keys.length,
      expectedKeys: keys,
    });
  }
}
