/** What came of a check that was run with a twin's mistake in the code. */

export interface Verdict {
  /** `failed`: the check found something. `passed`: it did not. `hung`: it did not end in time. `broken`: it never ran. */
  readonly type: "failed" | "passed" | "hung" | "broken";
  /** Who found it: a checker of the simulation, an assertion of the code itself, a test. */
  readonly by: string;
  readonly message: string;
  /** How much was tried until then, e.g. `3 seeds`. */
  readonly tried: string;
}
