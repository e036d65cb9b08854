/** How long a replica's store takes to apply a batch that ends leases, or suspects them: what bounds `limits.expiriesPerBatch`. */
import { encodeCommand } from "../../src/store/command-codec.ts";
import { leaseId } from "../../src/support/brand.ts";
import { Driver, expire, put } from "../../test/unit/store/driver.ts";
import { guard, ttlMs } from "./fleet.ts";

export interface Ends {
  readonly batches: number;
  readonly commandBytes: number;
  /** Of processor: others may be at work here. */
  readonly longestMs: number;
}

/** Of ten thousand leases with a key of 300 bytes each this share is past due, and ends in batches of this size. */
export function endsIn(size: number, share: number): Ends {
  const driver = new Driver();
  const names = Array.from({ length: 10_000 }, (_, n) => `web/instance-${n}`);
  const renewed = (some: readonly string[]): void => {
    for (let from = 0; from < some.length; from += 1_000) {
      const puts = some
        .slice(from, from + 1_000)
        .map((name) =>
          driver.command(put(name, "x".repeat(300), { lease: name, ttlMs, herd: "weur", keepIfEqual: true })),
        );
      driver.apply(...puts);
    }
  };
  renewed(names);
  driver.now += ttlMs + 1_000;
  const dead = names.slice(0, names.length * share);
  renewed(names.slice(dead.length));
  let [batches, commandBytes, longestMs] = [0, 0, 0];
  for (let from = 0; from < dead.length; from += size) {
    const commands = dead
      .slice(from, from + size)
      .map((name) => driver.command(expire(name, driver.store.lease(leaseId(name))?.renewal ?? 0, guard)));
    commandBytes = Math.max(
      commandBytes,
      commands.reduce((sum, command) => sum + encodeCommand(command).length, 0),
    );
    const before = process.cpuUsage();
    driver.apply(...commands);
    const { user, system } = process.cpuUsage(before);
    longestMs = Math.max(longestMs, (user + system) / 1000);
    batches += 1;
  }
  const left = driver.store.leases("", 20_000).filter(({ heldUntil }) => heldUntil === null).length;
  if (left !== names.length - dead.length) throw new Error(`${left} leases are as they were`);
  return { batches, commandBytes, longestMs };
}
