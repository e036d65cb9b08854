/** What a judge found: how much it looked at, and what contradicts the promise. */
export interface Finding {
  /** The promise, with its rule of SPEC where there is one. */
  readonly check: string;
  readonly verdict: "holds" | "violated" | "undecided";
  /** How many answers it was judged by: a promise that nothing tested was not shown to hold. */
  readonly judged: number;
  /** The first few. */
  readonly complaints: readonly string[];
}

const shownComplaints = 5;

export const finding = (check: string, judged: number, complaints: readonly string[]): Finding => ({
  check,
  verdict: complaints.length === 0 ? "holds" : "violated",
  judged,
  complaints: [
    ...complaints.slice(0, shownComplaints),
    ...(complaints.length > shownComplaints ? [`and ${complaints.length - shownComplaints} more`] : []),
  ],
});
