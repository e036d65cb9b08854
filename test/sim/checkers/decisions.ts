/**
 * C2, U1, R1 for decisions: everybody is told the same proposal, one that was really made; it is what the acceptors chose;
 * nobody is told "nothing" after it was told to somebody; and what was refused for good is never decided.
 */
import { decodeProposal } from "../../../workers/gateway/decision-value.ts";
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";

export const decisions: CheckerOf = ({ cluster, chosen, decisions: actor }) => ({
  end() {
    const ids = new Set(actor.history.map(({ id }) => id));
    for (const id of ids) {
      const all = actor.history.filter((asked) => asked.id === id);
      const made = new Set(all.map(({ proposal }) => proposal));
      const winner = chosen.decided(`decision/${id}`);
      const decided = winner === null ? null : (decodeProposal(winner)?.id ?? null);
      if (decided !== null && !made.has(decided)) violated("P3", `${id} became ${decided}, which nobody proposed`);
      for (const { told, notApplied, proposal, calledAt } of all) {
        if (notApplied && proposal !== null && proposal === decided)
          violated("U1", `${id}: ${proposal} was told to be not applied, and is decided`);
        if (told === null) continue;
        cluster.world.count("decision-checked");
        if (told !== "nothing") {
          if (told.proposal.id !== decided) violated("C1", `${id}: told ${told.proposal.id}, chosen is ${decided}`);
          continue;
        }
        const knew = all.find((o) => o.told !== null && o.told !== "nothing" && (o.returnedAt ?? Infinity) < calledAt);
        if (knew !== undefined)
          violated("R1", `${id}: told "nothing" at ${calledAt}, though decided at ${knew.returnedAt}`);
      }
    }
  },
});
