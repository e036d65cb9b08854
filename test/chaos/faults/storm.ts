/** Carries out a plan: both hands at once, until the time is over or the storm is called off; then all is undone. */
import type { Cluster } from "../../../scripts/runtime/cluster.ts";
import type { Disks } from "./disks.ts";
import { Ledger } from "./ledger.ts";
import { carryOutLinkFault } from "./link-faults.ts";
import type { Plan, Step } from "./plan.ts";
import { carryOutRegionFault, type Hands } from "./region-faults.ts";

interface Storm {
  readonly ledger: Ledger;
  /** Settles when everything has been undone, with what could not be done. */
  readonly over: Promise<readonly string[]>;
  readonly callOff: () => void;
}

export interface Surface {
  readonly cluster: Cluster;
  readonly disks: Disks | null;
  /** Null while nobody is known to lead. */
  readonly leader: () => string | null;
}

export function unleash(surface: Surface, plan: Plan, totalMs: number): Storm {
  const ledger = new Ledger();
  const end = Promise.withResolvers<void>();
  let ended = false;
  const callOff = (): void => {
    ended = true;
    end.resolve();
  };
  const timer = setTimeout(callOff, totalMs);
  const hold = async (ms: number): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    const waited = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
    await Promise.race([waited, end.promise]);
    clearTimeout(timer);
  };
  const hands: Hands = {
    ...surface,
    ledger,
    hold,
    whoIs: ({ leader, region }) => (leader ? (surface.leader() ?? region) : region),
  };
  const work = async <Fault>(
    steps: readonly Step<Fault>[],
    carryOut: (hands: Hands, fault: Fault, holdMs: number) => Promise<void>,
  ): Promise<void> => {
    for (const { afterMs, fault, holdMs } of steps) {
      await hold(afterMs);
      if (ended) return;
      await carryOut(hands, fault, holdMs);
    }
    await end.promise;
  };
  const both = [work(plan.regions, carryOutRegionFault), work(plan.links, carryOutLinkFault)];
  const over = Promise.allSettled(both).then((results) => {
    clearTimeout(timer);
    return results.flatMap((result) => (result.status === "rejected" ? [String(result.reason)] : []));
  });
  return { ledger, callOff, over };
}
