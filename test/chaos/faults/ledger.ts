/**
 * Which regions and links were touched when: a region counts as away from just before it is touched until it is whole
 * again, so between two entries the cluster was at least as well as the ledger says.
 */
export interface Standing {
  readonly since: number;
  readonly away: ReadonlySet<string>;
  /** `from>to` of each direction that is cut. */
  readonly cuts: ReadonlySet<string>;
}

export class Ledger {
  readonly entries: Standing[] = [{ since: performance.now(), away: new Set(), cuts: new Set() }];
  /** Faults that were really done, in their order. */
  readonly faults: { readonly kind: string; readonly at: number }[] = [];

  /** When a region was killed that led. */
  readonly leaderKills: number[] = [];

  get now(): Standing {
    const last = this.entries.at(-1);
    if (last === undefined) throw new Error("the ledger begins with an entry");
    return last;
  }

  begins(kind: string): void {
    this.faults.push({ kind, at: performance.now() });
  }

  leaves(region: string): void {
    this.#note({ away: new Set([...this.now.away, region]) });
  }

  returns(region: string): void {
    this.#note({ away: new Set([...this.now.away].filter((one) => one !== region)) });
  }

  cut(directions: readonly string[]): void {
    this.#note({ cuts: new Set([...this.now.cuts, ...directions]) });
  }

  heal(): void {
    this.#note({ cuts: new Set() });
  }

  #note(change: Partial<Standing>): void {
    this.entries.push({ ...this.now, ...change, since: performance.now() });
  }
}

/** Some region is up and joined, both ways, to enough others that are up to be a majority with them. */
export function majorityStands({ away, cuts }: Standing, regions: readonly string[]): boolean {
  const up = regions.filter((region) => !away.has(region));
  const joined = (one: string, other: string): boolean => !cuts.has(`${one}>${other}`) && !cuts.has(`${other}>${one}`);
  return up.some((centre) => 2 * up.filter((other) => joined(centre, other)).length > regions.length);
}
