/** What an operator should know of the parts taken together: who leads, who lags, what to worry about. Pure. */

export interface ShownAcceptor {
  readonly region: string;
  readonly reachable: boolean;
  readonly dataCentre?: string;
  readonly identity?: string;
  readonly promised?: { readonly proposer: string; readonly round: number } | null;
}

export interface ShownReplica {
  readonly region: string;
  readonly reachable: boolean;
  readonly leading?: boolean;
  readonly applied?: number;
  readonly halted?: string;
}

/**
 * The region that leads: it says so itself, and holds the highest promise that can be seen. A replica cut off from the
 * acceptors may say so too, long after another took over.
 */
export function leaderOf(acceptors: readonly ShownAcceptor[], replicas: readonly ShownReplica[]): string | null {
  const leading = replicas.filter((replica) => replica.leading === true).map(({ region }) => region);
  const promised = acceptors
    .map((acceptor) => acceptor.promised ?? null)
    .filter((promise) => promise !== null)
    .toSorted((a, b) => b.round - a.round || (a.proposer < b.proposer ? 1 : -1));
  return (
    leading.find((region) => region === promised[0]?.proposer) ?? (leading.length === 1 ? (leading[0] ?? null) : null)
  );
}

/** Slots behind the most advanced replica that answered. */
export function lagOf(applied: number, replicas: readonly ShownReplica[]): number {
  return Math.max(...replicas.map((replica) => replica.applied ?? 0), applied) - applied;
}

export function warningsOf(acceptors: readonly ShownAcceptor[], replicas: readonly ShownReplica[]): readonly string[] {
  const warnings: string[] = [];
  const places = Map.groupBy(
    acceptors.filter(({ dataCentre }) => dataCentre !== undefined && !["local", "unknown"].includes(dataCentre)),
    ({ dataCentre }) => dataCentre,
  );
  for (const [place, sharing] of places) {
    if (sharing.length < 2) continue;
    const names = sharing.map(({ region }) => region).join(", ");
    warnings.push(`the acceptors of ${names} share the data centre ${place}: one failure can take them together`);
  }
  const founded = acceptors.some(({ identity }) => identity === "enrolled");
  for (const { region, identity, reachable } of acceptors) {
    if (!reachable) warnings.push(`the acceptor in ${region} does not answer`);
    if (identity === "retired") warnings.push(`the acceptor in ${region} is retired: it takes part no more`);
    if (identity === "empty" && founded)
      warnings.push(`the acceptor in ${region} is empty although others are founded: it was emptied`);
  }
  for (const { region, reachable, halted } of replicas) {
    if (!reachable) warnings.push(`the replica in ${region} does not answer`);
    if (halted !== undefined) warnings.push(`the replica in ${region} has stopped: ${halted}`);
  }
  return warnings;
}
