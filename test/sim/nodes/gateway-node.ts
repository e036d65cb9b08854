/**
 * A simulated gateway: the real code that asks replicas and acceptors, with its memory, its patience and its second
 * tries, on the simulated network and clock. It keeps nothing: when it dies, whoever waits for it hears nothing.
 */
import type { ClientReply, ClientRequest } from "../../../src/replica/messages.ts";
import type { EventPlace } from "../../../src/store/events.ts";
import type { KeyRange } from "../../../src/store/transaction.ts";
import type { Decided, Proposal } from "../../../workers/gateway/decision-value.ts";
import { decisionDeadline, inquire, propose } from "../../../workers/gateway/decide.ts";
import { Memory } from "../../../workers/gateway/memory.ts";
import { Problem } from "../../../workers/gateway/problems.ts";
import { askReplicas } from "../../../workers/gateway/replicas.ts";
import { fromNow, happenings } from "../../../workers/gateway/watching.ts";
import type { Followed, Happenings } from "../../../workers/gateway/watching.ts";
import type { Visit } from "../../../workers/gateway/visit.ts";
import { refusal } from "../../../workers/gateway/writes.ts";
import type { LocationHint } from "../../../workers/config.ts";
import { Clock } from "../clocks.ts";
import { Dialect } from "../versions.ts";
import type { World } from "../world.ts";

/** How a gateway's calls reach objects. */
export interface GatewayWires {
  call(
    from: string,
    port: "acceptor" | "client",
    to: string,
    message: string,
    answer: (reply: string | null) => void,
  ): void;
}

/** What came of a request, as its client hears it; null: nothing was heard. */
export type Heard<T> =
  | { readonly type: "answer"; readonly answer: T }
  | {
      readonly type: "problem";
      readonly code: string;
      readonly outcome: "not-applied" | "applied" | "unknown";
      readonly extra: Readonly<Record<string, unknown>>;
    }
  | null;

export class GatewayNode {
  readonly region: string;
  readonly clock: Clock;
  readonly dialect = new Dialect();
  readonly #world: World;
  readonly #regions: readonly string[];
  readonly #wires: GatewayWires;
  #memory = new Memory();
  #life = 0;

  constructor(world: World, region: string, regions: readonly string[], wires: GatewayWires) {
    this.#world = world;
    this.region = region;
    // Nearest first, as far as this gateway is concerned: its own region, then the others.
    this.#regions = [region, ...regions.filter((other) => other !== region)];
    this.#wires = wires;
    this.clock = new Clock(world);
  }

  /** Its isolate ends: requests under way are lost to their clients, and the memory is empty. */
  restart(): void {
    this.#world.count("gateway-restart", this.region);
    this.#life += 1;
    this.#memory = new Memory();
  }

  ask(request: ClientRequest, heard: (reply: Heard<ClientReply>) => void): void {
    this.serve(async (visit) => {
      const { reply, inDoubt } = await askReplicas(visit, request);
      // The other refusals are outcomes that clients compare; this one speaks of the attempt only, so it is told as it is.
      if (reply.type === "outcome" && reply.outcome.type === "past-deadline") throw refusal(reply.outcome, inDoubt);
      return reply;
    }, heard);
  }

  /** Where "from now on" begins. */
  now(range: KeyRange, heard: (reply: Heard<EventPlace>) => void): void {
    this.serve(async (visit) => fromNow(visit, { range }), heard);
  }

  /** @param maxBytes of one answer; null: as many as the gateway asks for. */
  happenings(
    followed: Followed,
    from: EventPlace,
    waitMs: number,
    maxBytes: number | null,
    heard: (reply: Heard<Happenings>) => void,
  ): void {
    this.serve(async (visit) => {
      if (maxBytes === null) return happenings(visit, followed, from, waitMs);
      const { reply } = await askReplicas(visit, { type: "watch", query: { ...followed, from }, maxBytes, waitMs });
      if (reply.type !== "result") throw new Error(`a watch was answered with ${reply.type}`);
      const { result, revision } = reply;
      if (result.type === "events") return { events: result.events, next: result.next, revision };
      if (result.type !== "compacted") throw new Error(`a watch was answered with ${result.type}`);
      throw new Problem("revision-compacted", "", { extra: { compactedRevision: result.compactedRevision } });
    }, heard);
  }

  /** The deadline that the gateway gives a write, so that no late attempt outlives its outcome's memory (X1). */
  deadline(lifeMs: number): number {
    return this.clock.now() + lifeMs;
  }

  propose(id: string, proposal: Proposal, heard: (reply: Heard<Decided>) => void): void {
    this.serve(async (visit) => propose(visit, id, proposal, decisionDeadline(visit)), heard);
  }

  inquire(id: string, heard: (reply: Heard<Decided | null>) => void): void {
    this.serve(async (visit) => inquire(visit, id, decisionDeadline(visit)), heard);
  }

  /** Carries out any of the gateway's real code, as a door does. */
  serve<T>(work: (visit: Visit) => Promise<T>, heard: (reply: Heard<T>) => void): void {
    const life = this.#life;
    const settle = (reply: Heard<T>): void => heard(life === this.#life ? reply : null);
    this.#world.stir();
    work(this.#visit())
      .then(
        (answer) => settle({ type: "answer", answer }),
        (error: unknown) => {
          if (!(error instanceof Problem)) throw error;
          const { outcome = "not-applied", extra = {} } = error.particulars;
          settle({ type: "problem", code: error.code, outcome, extra });
        },
      )
      .catch((error: unknown) => this.#world.fail(error));
  }

  #visit(): Visit {
    const world = this.#world;
    return {
      config: {
        cluster: "sim",
        datacenter: "sim",
        regions: this.#regions.toSorted() as LocationHint[],
        home: null,
        expiryGuard: null,
        checkPrivate: false,
      },
      namespace: "default",
      regions: this.#regions as LocationHint[],
      transport: { call: async (port, { region }, payload, timeoutMs) => this.#call(port, region, payload, timeoutMs) },
      memory: this.#memory,
      random: world.random,
      gathers: true,
      open: true,
      dataCentre: "sim",
      now: () => this.clock.now(),
      after: (ms, then) => {
        let open = true;
        world.after(ms, () => {
          if (!open) return;
          world.stir();
          then();
        });
        return () => {
          open = false;
        };
      },
      address: (region) => ({ namespace: "default", region }),
      afterwards: (work) => {
        work.catch((error: unknown) => world.fail(error));
      },
    };
  }

  async #call(port: string, region: string, payload: string, timeoutMs: number): Promise<string | null> {
    const world = this.#world;
    return new Promise((resolve) => {
      const end = (reply: string | null): void => {
        world.stir();
        resolve(reply === null ? null : this.dialect.hear(reply));
      };
      world.after(timeoutMs, () => end(null));
      if (port !== "acceptor" && port !== "client") throw new Error(`no port ${port} here`);
      this.#wires.call(this.region, port, region, this.dialect.speak(payload), end);
    });
  }
}
