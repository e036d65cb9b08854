/** C2, L1, L2: no slot ever holds two values, on any replica, and replicas that applied the same slots hold the same rows. */
import type { Cluster } from "../cluster.ts";

export class Agreement {
  readonly #chosen = new Map<number, string>();
  readonly #seen = new Map<string, number>();

  /** Call often: it looks at what is new on each replica. */
  observe(cluster: Cluster): void {
    for (const [region, node] of cluster.replicas) {
      const { store } = node;
      if (store.loading || !store.exists) continue;
      const from = Math.max(store.firstKeptSlot, (this.#seen.get(region) ?? 0) + 1);
      if (store.appliedSlot < (this.#seen.get(region) ?? 0)) this.#seen.set(region, 0);
      for (let at = from; at <= store.appliedSlot;) {
        const kept = store.batchesFrom(at as typeof store.appliedSlot, 1e9, 1000);
        if (kept === "gone" || kept.length === 0) break;
        for (const { slot, value } of kept) {
          const known = this.#chosen.get(slot);
          if (known !== undefined && known !== value)
            throw new Error(`[C2] slot ${slot} holds two values: ${known} and ${value} (${region})`);
          this.#chosen.set(slot, value);
          at = slot + 1;
        }
      }
      this.#seen.set(region, store.appliedSlot);
    }
  }

  get slots(): number {
    return this.#chosen.size;
  }

  /** After healing: all equal. */
  converged(cluster: Cluster): void {
    const digests = [...cluster.replicas.values()].map((node) => `${node.store.appliedSlot}/${node.store.digest()}`);
    if (new Set(digests).size !== 1) throw new Error(`[L2] replicas differ: ${digests.join(" ")}`);
  }
}
