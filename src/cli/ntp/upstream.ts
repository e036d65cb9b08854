/**
 * The bridge's own clock: the client's clock over all regions of a deployment, told in NTP's terms. Decides nothing about
 * time. The machine's own clock is only watched for jumps, never believed.
 */
import { SynodClock } from "../../client/clock.ts";
import { usualPlatform } from "../../client/platform.ts";
import { httpTimeSource } from "../../client/time-source.ts";
import type { Fetch, TimeSource } from "../../client/time-source.ts";
import type { Conclusion, Reading } from "../../time/estimator.ts";
import { referenceIdOf } from "../../time/ntp-packet.ts";
import type { ClockReading } from "./responder.ts";

export interface UpstreamOptions {
  /** The deployment, or one of its gateways. */
  readonly from: string;
  /** Each is a source that may lie: most of them must agree. */
  readonly regions: readonly string[];
  readonly token: string | undefined;
  /** Told after each round. */
  readonly concluded: (conclusion: Conclusion) => void;
  /** Told when a question fails in a way that people can mend. */
  readonly failed: (what: string) => void;
}

/** Node's monotonic clock shows nanoseconds; a microsecond is more than it takes to read. */
const baseTickMs = 0.001;
/** Rounds whose shortest exchange may stand for the way to the upstream. */
const keptDelays = 8;

export class Upstream {
  readonly #clock: SynodClock;
  readonly #referenceId: number;
  #stratum = 1;
  /** The shortest exchange of each of the last rounds, newest first; the round under way is the first. */
  #delays: readonly number[] = [Infinity];
  #steeredUnixMs = 0;

  constructor({ from, regions, token, concluded, failed }: UpstreamOptions) {
    this.#referenceId = referenceIdOf(from);
    const platform = usualPlatform(baseTickMs);
    const fetch = fetchAs(token, failed);
    const sources = regions.map((region) =>
      this.#watched(httpTimeSource({ url: from, region, fetch, random: platform.random })),
    );
    this.#clock = new SynodClock({
      sources,
      platform,
      onRound: (conclusion) => {
        if (conclusion.type === "steered") {
          this.#steeredUnixMs = this.status().estimate ?? 0;
          this.#delays = [Infinity, ...this.#delays].slice(0, keptDelays);
        }
        concluded(conclusion);
      },
    });
  }

  start(): void {
    this.#clock.start();
  }

  stop(): void {
    this.#clock.stop();
  }

  status(): Reading {
    return this.#clock.now();
  }

  /** As NTP wants it: half of the root delay and the dispersion are together the radius that the clock promises. */
  read(): ClockReading | null {
    const { estimate, earliest, latest, status } = this.#clock.now();
    if (estimate === null || status === "unknown") return null;
    const radius = Math.max(latest - estimate, estimate - earliest);
    const shortest = Math.min(...this.#delays);
    const rootDelayMs = Number.isFinite(shortest) ? Math.min(shortest, 2 * radius) : 0;
    return {
      unixMs: estimate,
      leap: 0,
      stratum: this.#stratum,
      rootDelayMs,
      rootDispersionMs: radius - rootDelayMs / 2,
      referenceId: this.#referenceId,
      steeredUnixMs: this.#steeredUnixMs,
    };
  }

  /** Sees what the answers say besides the time. */
  #watched(source: TimeSource): TimeSource {
    return {
      name: source.name,
      ask: async (base, signal) => {
        const asked = await source.ask(base, signal);
        if (asked.type === "answer") {
          const { t1, t2, t3, t4, stratum } = asked.answer;
          this.#stratum = Math.max(1, stratum);
          const [newest = Infinity, ...older] = this.#delays;
          this.#delays = [Math.min(newest, Math.max(0, t4 - t1 - (t3 - t2))), ...older];
        }
        return asked;
      },
    };
  }
}

/** `fetch` with the token; what goes wrong is told, and then handled as the client's clock handles it. */
function fetchAs(token: string | undefined, failed: (what: string) => void): Fetch {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return async (url, { signal }) => {
    const { origin, pathname } = new URL(url);
    const where = `${origin}${pathname}`;
    try {
      const response = await fetch(url, { signal, headers });
      if (!response.ok) failed(`${where} answers ${response.status}`);
      return response;
    } catch (error) {
      const { cause, message, name } = error as Error;
      if (name !== "AbortError") failed(`${where}: ${cause instanceof Error ? cause.message : message}`);
      throw error;
    }
  };
}
