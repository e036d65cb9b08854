/**
 * Broken twins of the estimator: the real code with one mistake in it. Each is run in a process of its own with the scenario
 * named here, and the check named here must see it.
 */
import type { Edit } from "../twins/twin.ts";

export interface TimeTwin extends Edit {
  readonly name: string;
  readonly wrong: string;
  readonly also?: readonly Edit[];
  readonly scenario: string;
  /** The check that must fail. */
  readonly check: string;
}

const twin = (
  name: string,
  wrong: string,
  [scenario, check]: readonly [string, string],
  [file, find, replace]: readonly [string, string, string],
  also: readonly Edit[] = [],
): TimeTwin => ({ name, wrong, scenario, check, file: `src/time/${file}.ts`, find, replace, also });

export const twins: readonly TimeTwin[] = [
  twin(
    "bias-of-1-ms",
    "every offset is 1 ms too great",
    ["100 ppm, 100 us ways", "promise"],
    [
      "source",
      "{ low, high, at: t4, round: this.#round }",
      "{ low: low + 1, high: high + 1, at: t4, round: this.#round }",
    ],
  ),
  twin(
    "dropped-half-tick",
    "stamps that are rounded down are taken for exact: the estimate is half a tick early",
    ["100 ppm, 100 us ways", "root mean square"],
    ["source", "{ offset: middle(together),", "{ offset: middle(together) - 0.5,"],
  ),
  twin(
    "dropped-tick",
    "the interval leaves out the other clock's tick",
    ["100 ppm, 100 us ways", "promise"],
    ["causality", "const high = t2 + ticks.theirs - t1;", "const high = t2 - t1;"],
  ),
  twin(
    "dropped-own-tick",
    "the interval leaves out our own tick",
    ["own base of whole ms", "promise"],
    ["causality", "const low = t3 - (t4 + ticks.own);", "const low = t3 - t4;"],
  ),
  twin(
    "liars-averaged-in",
    "all who answer count as truechimers",
    ["2 liars of 5", "falsetickers named"],
    ["select", "best.some((region) => low <= region.low && high >= region.high)", "low <= high && best.length > 0"],
  ),
  twin(
    "bound-shrunk",
    "a quarter of the round trip is promised, as ntpd-rs votes with",
    ["ways of 60 and 20 ms", "promise"],
    [
      "causality",
      "  return { low, high };\n}\n\nexport const middle",
      "  return { low: low + (high - low) / 4, high: high - (high - low) / 4 };\n}\n\nexport const middle",
    ],
  ),
  twin(
    "step-back",
    "large errors are stepped in both directions",
    ["offset -100 s, slewed", "never backwards"],
    [
      "virtual-clock",
      "if (error > 0 && (anyStep || early || error > stepThresholdMs)) {",
      "if (anyStep || early || Math.abs(error) > stepThresholdMs) {",
    ],
    [
      {
        file: "src/time/virtual-clock.ts",
        find: `assert(!this.#started || this.#updates <= 1 || time >= this.read(from), "a virtual clock is never set back");`,
        replace: "",
      },
    ],
  ),
  twin(
    "half-is-enough",
    "two of five make a majority",
    ["3 liars of 5", "no steering without a majority"],
    ["select", "Math.floor(associations / 2) + 1", "Math.floor(associations / 2)"],
  ),
  twin(
    "silence-agrees",
    "who does not answer does not count",
    ["3 of 5 silent", "no steering without a majority"],
    ["estimator", "      this.sources.length,\n", "      answered.length,\n"],
  ),
  twin(
    "no-growth",
    "an interval stays as narrow as it was",
    ["100 ppm, 100 us ways", "promise"],
    [
      "rate",
      "  return { low: low + rate.low * age, high: high + rate.high * age };",
      "  return { low: low + 0 * age * rate.low, high };",
    ],
  ),
  twin(
    "old-answers-again",
    "a round that nobody answered is steered by what was heard before",
    ["connected 1200 s", "largest error"],
    ["estimator", "if (!truechimers.some(({ answered }) => answered))", "if (truechimers.length === 0)"],
  ),
  twin(
    "era-0-for-ever",
    "stamps are compared without their sign",
    ["era 1 begins", "something promised"],
    ["timestamps", "BigInt.asIntN(64, timestamp - pivot)", "(timestamp - pivot)"],
  ),
  twin(
    "sleeps-on",
    "a base that stood still is not noticed",
    ["sleep of 600 s", "promise"],
    ["synchroniser", "if (Math.abs(wall - now - last.ms) <= allowed) return false;", "if (allowed > 0) return false;"],
  ),
  twin(
    "no-panic",
    "whatever a majority says is believed",
    ["world's time +1e8 s", "reason named"],
    ["virtual-clock", "Math.abs(error) > panicMs && !anyStep", "Math.abs(error) > panicMs * 1e9 && !anyStep"],
  ),
  twin(
    "leap-unheard",
    "an announced leap second is not allowed for",
    ["leap second, announced", "promise"],
    [
      "estimator",
      "now + known.high >= this.#leap.at ? acrossLeap(known, this.#leap) : known",
      "now < -1 ? acrossLeap(known, this.#leap) : known",
    ],
  ),
  twin(
    "rate-limit-ignored",
    "who is told to ask less often does not",
    ["rate limit of 30 s", "keeps to the limit"],
    ["source", "this.#denied || now < this.#notBefore", "this.#denied"],
    [
      {
        file: "src/time/synchroniser.ts",
        find: `if (failure.type !== "lost") this.#spare(planned.source);`,
        replace: "",
      },
    ],
  ),
  twin(
    "stale-window",
    "the regression keeps samples that no line explains",
    ["rate jumps by 20 ppm", "root mean square"],
    ["regression", "!looksRandom(line.residuals)", "looksRandom([])"],
  ),
];
