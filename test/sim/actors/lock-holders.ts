/**
 * Clients that want the same lock: they take a place in its queue, wait for their turn, count up under the lock with their
 * token, and release it, or die, or stall until somebody else holds it and come back as if nothing had happened (K1).
 */
import { leaseId } from "../../../src/support/brand.ts";
import type { ByteString, LeaseId, Revision } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { limits } from "../../../src/support/limits.ts";
import { lockQueue, userKey } from "../../../src/store/key-space.ts";
import { startOf } from "../../../src/store/events.ts";
import { allOf, rangeStart } from "../../../src/store/ranges.ts";
import { prefixRange } from "../../../src/store/transaction.ts";
import type { Desk } from "./desk.ts";

const ttlMs = 2_000;

export interface Lock {
  readonly queue: ByteString;
  /** What is counted up under it, and by nobody without it: its value is how often it was written. */
  readonly counter: ByteString;
}

export const locks: readonly Lock[] = ["door", "gate"].map((name) => ({
  queue: lockQueue(utf8(name)),
  counter: userKey(utf8(`counter/${name}`)),
}));

/** One place in a queue, from its client's side. */
export interface Stay {
  readonly client: string;
  readonly lock: Lock;
  readonly lease: LeaseId;
  readonly token: number;
  /** When it was told that it holds the lock; null: never. */
  heldAt: number | null;
  readonly since: number;
  /** When its lease was last acknowledged to be renewed. */
  renewedAt: number;
  /** When it stopped waiting or holding: released, died, gave up, or found its place gone. */
  endedAt: number | null;
}

const text = new TextDecoder();

export class LockHolders {
  readonly #desk: Desk;
  readonly stays: Stay[] = [];

  constructor(desk: Desk, clients: number) {
    this.#desk = desk;
    for (let i = 0; i < clients; i += 1) desk.begin(async () => this.#live(`locker${i}`));
  }

  async #live(client: string): Promise<void> {
    const { world } = this.#desk;
    for (let life = 1; this.#desk.running; life += 1) {
      await this.#desk.pause(world.between(50, 600));
      const lock = world.chance(0.8) ? locks[0] : locks[1];
      if (lock === undefined) return;
      const lease = leaseId(`${client}.${life}`);
      const token = await this.#enqueue(client, lock, lease);
      if (token === null) continue;
      const stay: Stay = {
        client,
        lock,
        lease,
        token,
        heldAt: null,
        since: world.now,
        renewedAt: world.now,
        endedAt: null,
      };
      this.stays.push(stay);
      if (await this.#wait(stay)) await this.#work(stay);
      stay.endedAt = world.now;
    }
  }

  /** Asks again under the same lease: who has a place keeps it. */
  async #enqueue(client: string, { queue }: Lock, id: LeaseId): Promise<Revision | null> {
    const desk = this.#desk;
    for (let attempt = 1; attempt <= 3 && desk.running; attempt += 1) {
      const outcome = await desk.write(client, {
        type: "enqueue",
        queue,
        value: utf8(client),
        lease: { id, ttlMs },
      });
      if (outcome?.type === "enqueued") return outcome.token;
    }
    return null;
  }

  /** @returns false when its place is gone, or it is not to wait any more. */
  async #wait(stay: Stay): Promise<boolean> {
    const desk = this.#desk;
    const { client, lock, lease } = stay;
    const range = prefixRange(lock.queue);
    const query = { type: "range", range: allOf(range), place: rangeStart } as const;
    while (desk.running) {
      const looked = await desk.read(client, query, "range");
      if (looked === null) {
        await desk.pause(100);
        continue;
      }
      const { entries } = looked.result.range;
      if (!entries.some(({ createRevision }) => createRevision === stay.token)) return false;
      if (entries[0]?.createRevision === stay.token) {
        stay.heldAt = desk.world.now;
        desk.world.count("lock-held", client);
        return true;
      }
      const renewed = await desk.write(client, { type: "renew", lease });
      if (renewed?.type === "refused") return false;
      if (renewed?.type === "renewed") stay.renewedAt = desk.world.now;
      const gateway = desk.cluster.gateway(desk.world.pick(desk.regions));
      const followed = { range, puts: false, deletes: true, previous: false };
      await desk.hear(
        (tell) => gateway.happenings(followed, startOf(looked.revision + 1), ttlMs / 4, null, tell),
        ttlMs / 4 + limits.gatewayMs,
      );
    }
    return false;
  }

  async #work(stay: Stay): Promise<void> {
    const desk = this.#desk;
    const { world } = desk;
    const { client, lease } = stay;
    const rounds = Math.floor(world.between(1, 4));
    for (let i = 0; i < rounds && desk.running; i += 1) {
      if (!(await this.#count(stay))) break;
      const renewed = await desk.write(client, { type: "renew", lease });
      if (renewed?.type !== "renewed") break;
      stay.renewedAt = world.now;
    }
    // Or it dies: others get on once its lease has ended.
    if (world.chance(0.3)) return world.count("lock-holder-died", client);
    await desk.write(client, { type: "revoke", lease });
  }

  /** Reads the counter and writes the next number, guarded by the token alone. @returns whether it may go on. */
  async #count({ client, lock, token }: Stay): Promise<boolean> {
    const desk = this.#desk;
    const { world } = desk;
    const guard = { queue: lock.queue, token: token as Revision };
    const read = await desk.read(client, { type: "get", key: lock.counter }, "entry");
    if (read === null) return true;
    const counted = Number(text.decode(read.result.entry?.value ?? utf8("0")));
    if (world.chance(0.15)) {
      world.count("lock-holder-stalled", client);
      await desk.pause(world.between(1, 2.5) * ttlMs);
    }
    const outcome = await desk.write(
      client,
      { type: "put", key: lock.counter, value: utf8(String(counted + 1)), condition: { type: "always" } },
      { guard },
    );
    // What nobody knows may still happen, as long as the lock is held: it must not be counted on top of that.
    if (outcome?.type === "put") world.count("guarded-write", client);
    if (outcome?.type === "refused") world.count("guarded-write-refused", client);
    return outcome?.type === "put";
  }
}
