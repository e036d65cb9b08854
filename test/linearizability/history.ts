/**
 * What a linearizability checker is given: calls with their beginnings, ends and answers, and a sequential model of the
 * thing they were made to. Knows nothing of Synod; the simulator and the chaos runs record in this form.
 */

/** One call of one client. Times are of one clock that all calls share, in any unit. */
export interface Call<Input, Output> {
  /** Who made it: for the report only. */
  readonly client: string;
  readonly input: Input;
  /** Null: nobody can say whether it took effect, and it may do so at any time after `calledAt`, or never. */
  readonly output: Output | null;
  readonly calledAt: number;
  /** Infinity (or the end of the run) for a call whose output is null. */
  readonly returnedAt: number;
}

/** What calls may do, one at a time. */
export interface SequentialModel<State, Input, Output> {
  readonly initial: State;
  /** States after the call: none when this output is impossible here, several when an unknown output leaves it open. */
  step(state: State, input: Input, output: Output | null): readonly State[];
  /** States with the same text are the same state. */
  text(state: State): string;
  /** For the report of a violation. */
  describe(input: Input, output: Output | null): string;
  /**
   * For models whose state holds a counter that no call lowers. Optional: the verdict is the same without it, and far
   * more expensive where calls are concurrent.
   */
  readonly counter?: {
    read(state: State): number;
    /** The highest counter at which a call can still have this answer; Infinity when the counter does not matter. */
    lastFor(output: Output): number;
  };
}

/** What a checker found out. */
export type Verdict =
  | { readonly type: "linearizable"; readonly steps: number }
  /** `report`: how far the longest order got, and which calls could not follow it. */
  | { readonly type: "violated"; readonly steps: number; readonly report: string }
  /** The budget of steps was spent: neither shown nor refuted. Never to be counted as a pass. */
  | { readonly type: "undecided"; readonly steps: number; readonly report: string };
