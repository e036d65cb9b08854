/** A kind of fault: something that goes wrong now and then while the storm lasts. */
import type { Cluster } from "../cluster.ts";

export interface Fault {
  /** Drawn or not by the seed (`swarm.ts`); counted under its own names when it strikes. */
  readonly name: string;
  /** How often it strikes, beside the others. */
  readonly weight: number;
  strike(cluster: Cluster): void;
}

export const anyRegion = ({ world, regions }: Cluster): string => world.pick(regions);
