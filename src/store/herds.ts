/**
 * How many leases each herd has, and how many of them are missing (SPEC H1): counted once for a batch that asks, then kept
 * up as the batch goes on. Log time stands still within a batch, so nobody goes missing meanwhile. Used by `leases.ts`.
 */
import type { LogTime } from "../support/brand.ts";
import type { Lease } from "./leases.ts";
import { isMissing } from "./rules.ts";

export interface Herd {
  readonly leases: number;
  /** Of these: long without a renewal, or suspect. */
  readonly missing: number;
}

const nobody: Herd = { leases: 0, missing: 0 };

export class Herds {
  readonly #now: LogTime;
  readonly #herds: Map<string, Herd>;

  /** @param counted as the table has it, by name. */
  constructor(now: LogTime, counted: Iterable<readonly [string, Herd]>) {
    this.#now = now;
    this.#herds = new Map(counted);
  }

  of(name: string): Herd {
    return this.#herds.get(name) ?? nobody;
  }

  /** A lease was one thing and is another now; null: it was not there, or is gone. */
  changed(before: Lease | null, after: Lease | null): void {
    this.#add(before, -1);
    this.#add(after, 1);
  }

  #add(lease: Lease | null, by: 1 | -1): void {
    if (lease === null || lease.herd === null) return;
    const { leases, missing } = this.of(lease.herd);
    this.#herds.set(lease.herd, {
      leases: leases + by,
      missing: isMissing(lease, this.#now) ? missing + by : missing,
    });
  }
}
