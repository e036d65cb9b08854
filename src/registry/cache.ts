/**
 * Services as they were read last, so that a thousand clients that are woken by one change do not read and take apart the
 * same instances a thousand times. Nothing in it decides anything: what it gives is what reading again would give, for
 * the revision is the same, or nothing of the service has changed since. Used by `lookup.ts`; one for each store.
 */
import type { Revision } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import type { KeyRange } from "../store/transaction.ts";
import type { InstanceView, NodeView, ServiceName } from "./model.ts";
import type { Found } from "./reader.ts";

/** All of a service at one revision of the store. */
export interface Whole {
  /** The store's. */
  readonly at: Revision;
  /** The newest change of the service's own range. */
  readonly changed: Revision;
  readonly found: readonly Found[];
  readonly views: readonly InstanceView[];
  readonly nodes: ReadonlyMap<string, NodeView>;
  readonly index: Revision;
  readonly ranges: readonly KeyRange[];
}

export class ServiceCache {
  readonly #known = new Map<ServiceName, Whole>();
  #instances = 0;

  get(service: ServiceName): Whole | null {
    const known = this.#known.get(service);
    if (known === undefined) return null;
    // A map keeps the order of insertion: last in is last used.
    this.#known.delete(service);
    this.#known.set(service, known);
    return known;
  }

  set(service: ServiceName, whole: Whole): void {
    this.#delete(service);
    this.#known.set(service, whole);
    this.#instances += 1 + whole.found.length;
    for (const oldest of this.#known.keys()) {
      if (this.#instances <= limits.cachedInstances || oldest === service) break;
      this.#delete(oldest);
    }
  }

  #delete(service: ServiceName): void {
    this.#instances -= this.#known.has(service) ? 1 + (this.#known.get(service)?.found.length ?? 0) : 0;
    this.#known.delete(service);
  }
}
