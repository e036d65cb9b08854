/** A request's surroundings without a platform: a transport that the test is, and patience that is over at once. */
import { seededRandom } from "../../../src/support/random.ts";
import type { Transport } from "../../../workers/adapters/port.ts";
import { Memory } from "../../../workers/gateway/memory.ts";
import type { Visit } from "../../../workers/gateway/visit.ts";

export const regions = ["wnam", "enam", "weur"] as const;

export function visitWith(call: Transport["call"]): Visit {
  return {
    config: { cluster: "c", datacenter: "c", regions, home: null, expiryGuard: null, checkPrivate: false },
    namespace: "n",
    regions,
    transport: { call },
    memory: new Memory(),
    random: seededRandom(1),
    gathers: true,
    open: true,
    dataCentre: "local",
    now: () => 1_800_000_000_000,
    after(_, then) {
      const timer = setTimeout(then, 0);
      return () => clearTimeout(timer);
    },
    address: (region) => ({ namespace: "n", region }),
    afterwards: () => undefined,
  };
}
