/**
 * What a seed decides before anything happens: how many regions, how bad the weather is, how wrong the clocks are, and
 * which kinds of faults take part at all. Runs that lack some faults reach states that runs with all of them never do
 * (Groce et al., "Swarm Testing", 2012).
 */
import type { World } from "./world.ts";

export interface Weather {
  /** Chance that a message, or an answer, is lost. */
  readonly loss: number;
  /** Chance that a message arrives twice. */
  readonly duplication: number;
  /** Middle one-way delay between two regions, in ms. */
  readonly delayMs: number;
  /** Added to each message at random, up to this many ms: what turns their order around. */
  readonly jitterMs: number;
}

/**
 * `true`: all clocks are perfect. `set-back`: but for being set back now and then, which must make no state look younger
 * (R4). `skewed`: they differ, but by less than the `maxSkewMs` that leases rest on. `wild`:
 * they stand still, are set by minutes, and drift; nothing is promised then about when leases end (E2).
 */
export type ClockMode = "true" | "set-back" | "skewed" | "wild";

export interface Swarm {
  readonly regions: readonly string[];
  readonly weather: Weather;
  readonly clocks: ClockMode;
  /** Names of the faults that take part. */
  readonly faults: ReadonlySet<string>;
  /** How long the platform takes to confirm what an object wrote, in ms. */
  readonly confirmMs: number;
  /** Chance that an acceptor dies around one message. */
  readonly acceptorCrash: number;
  /** Chance that a replica dies in one turn, between two effects. */
  readonly replicaCrash: number;
  /** Chance that an alarm rings late, and that it rings twice. */
  readonly badAlarm: number;
  readonly clients: number;
}

export function drawSwarm(world: World, faultNames: readonly string[]): Swarm {
  const weather = {
    loss: world.pick([0, 0, 0.02, 0.1, 0.2]),
    duplication: world.pick([0, 0.05, 0.3]),
    delayMs: world.pick([1, 10, 40, 100]),
    jitterMs: world.pick([0, 5, 50, 300]),
  };
  const clocks = world.pick(["true", "true", "skewed", "set-back", "wild"] as const);
  const faults = new Set(faultNames.filter(() => world.chance(0.5)));
  // An acceptor whose clock is wild and another one that lost its rows are two faults of three acceptors: a stamp that
  // only the wild one would vote for then waits until the other clocks have come near it (T2).
  if (clocks === "wild" || clocks === "set-back") {
    faults.delete("acceptor-amnesia");
    faults.add("wild-clock");
  }
  return {
    regions: world.chance(0.8) ? ["wnam", "enam", "weur"] : ["wnam", "enam", "weur", "eeur", "oc"],
    weather,
    clocks,
    faults,
    confirmMs: world.pick([0, 0, 5, 40]),
    acceptorCrash: world.pick([0, 0.002, 0.02]),
    replicaCrash: world.pick([0, 0.001, 0.01]),
    badAlarm: world.pick([0, 0.3]),
    clients: world.pick([3, 5, 8]),
  };
}

/** A run in which nothing goes wrong. */
export const fairWeather: Swarm = {
  regions: ["wnam", "enam", "weur"],
  weather: { loss: 0, duplication: 0, delayMs: 10, jitterMs: 1 },
  clocks: "true",
  faults: new Set(),
  confirmMs: 0,
  acceptorCrash: 0,
  replicaCrash: 0,
  badAlarm: 0,
  clients: 5,
};
