/**
 * Clients that wait at one replica for a service of a fleet to change: each is told how often it was woken. They ask as
 * long polls do, by the gateway's real code. Used by `npm run bench:fleet` and by its short form among the tests.
 */
import type { ServiceName } from "../../src/registry/model.ts";
import { everything, lookUp, waitForChange } from "../../workers/gateway/registry.ts";
import type { Revision } from "../../src/support/brand.ts";
import type { KeyRange } from "../../src/store/transaction.ts";
import type { Fleet } from "./fleet.ts";

interface Waiter {
  readonly service: ServiceName;
  woken: number;
  wokenAt: number;
}

export class Waiters {
  readonly #fleet: Fleet;
  readonly #waiters: Waiter[];
  readonly #region: string;
  #stopped = false;

  /** Evenly among all services, all at the first region's gateway and replica. */
  constructor(fleet: Fleet, count: number) {
    this.#fleet = fleet;
    this.#region = fleet.cluster.regions[0] ?? "";
    this.#waiters = Array.from({ length: count }, (_, n) => {
      const service = fleet.services[n % fleet.services.length];
      if (service === undefined) throw new Error("a fleet without services");
      return { service, woken: 0, wokenAt: 0 };
    });
    for (const service of fleet.services) this.#block(service);
  }

  #block(service: ServiceName): void {
    this.#fleet.cluster.gateway(this.#region).serve(
      async (visit) => lookUp(visit, { type: "linearizable" }, everything(service)),
      (heard) => {
        if (heard?.type !== "answer") throw new Error("a look was not answered");
        const { ranges, index } = heard.answer.result;
        for (const waiter of this.#waiters) if (waiter.service === service) this.#wait(waiter, ranges, index);
      },
    );
  }

  #wait(waiter: Waiter, ranges: readonly KeyRange[], since: Revision): void {
    this.#fleet.cluster.gateway(this.#region).serve(
      async (visit) => waitForChange(visit, ranges, since, 3_600_000),
      (heard) => {
        if (heard?.type !== "answer" || heard.answer === null) throw new Error("a wait ended without a change");
        waiter.woken += 1;
        waiter.wokenAt = this.#fleet.at;
        if (!this.#stopped) this.#wait(waiter, ranges, heard.answer);
      },
    );
  }

  /** How many were woken, those of one service or all, and how often altogether. */
  woken(service: ServiceName | null = null): {
    readonly waiters: number;
    readonly times: number;
    readonly last: number;
  } {
    const own = this.#waiters.filter((one) => one.woken > 0 && (service === null || one.service === service));
    return {
      waiters: own.length,
      times: own.reduce((sum, one) => sum + one.woken, 0),
      last: Math.max(0, ...own.map(({ wokenAt }) => wokenAt)),
    };
  }

  /** Who is woken from now on does not wait again. */
  stop(): void {
    this.#stopped = true;
  }
}
