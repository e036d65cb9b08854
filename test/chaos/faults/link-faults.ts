/** Carries out one fault of the links between regions, and heals them all after a while. */
import type { LinkFault } from "./plan.ts";
import type { Hands } from "./region-faults.ts";

type Pair = readonly [from: string, to: string];

export async function carryOutLinkFault(hands: Hands, fault: LinkFault, holdMs: number): Promise<void> {
  const { cluster, ledger, hold } = hands;
  ledger.begins(fault.kind);
  const cuts = cutsOf(hands, fault);
  ledger.cut(cuts.map(([from, to]) => `${from}>${to}`));
  for (const [from, to] of cuts) cluster.link(from, to, { cut: true });
  for (const [from, to, delayMs] of delaysOf(hands, fault)) cluster.link(from, to, { delayMs });
  await hold(holdMs);
  cluster.heal();
  ledger.heal();
}

function cutsOf({ cluster, whoIs }: Hands, fault: LinkFault): readonly Pair[] {
  switch (fault.kind) {
    case "one-way cut":
      return [[fault.from, fault.to]];
    case "two-way cut":
      return [
        [fault.from, fault.to],
        [fault.to, fault.from],
      ];
    case "isolation": {
      const alone = whoIs(fault.target);
      const others = cluster.regions.map(({ region }) => region).filter((region) => region !== alone);
      return others.flatMap((other): readonly Pair[] => [
        ...(fault.mute ? [[alone, other] as const] : []),
        ...(fault.deaf ? [[other, alone] as const] : []),
      ]);
    }
    case "delay":
    case "delay everywhere":
      return [];
  }
}

/** A delay is of a whole link: half of it each way. */
function delaysOf({ cluster }: Hands, fault: LinkFault): readonly (readonly [from: string, to: string, ms: number])[] {
  if (fault.kind === "delay") {
    const { from, to, delayMs } = fault;
    return [
      [from, to, delayMs / 2],
      [to, from, delayMs / 2],
    ];
  }
  if (fault.kind !== "delay everywhere") return [];
  const names = cluster.regions.map(({ region }) => region);
  return names.flatMap((from) => names.filter((to) => to !== from).map((to) => [from, to, fault.delayMs / 2] as const));
}
