/** F1, F2, F4, F5: an acceptor that lost its rows, or was given other ones, never again answers with authority. */
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";

export const identity: CheckerOf = ({ cluster }) => ({
  acceptorTurned({ acceptor: { region, amnesia }, reply }) {
    if (amnesia === null) return;
    if (reply.type !== "protocol") return cluster.world.count("amnesiac-refused", region);
    const rule = amnesia === "emptied" ? "F2" : "F5";
    violated(rule, `the acceptor in ${region} was ${amnesia}, and answered ${reply.body.type}`);
  },
});
