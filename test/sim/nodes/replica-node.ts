/**
 * A simulated replica object: the real core and the real store on real SQLite, every message through the real codec, its
 * effects carried out in their fixed order by a twin of the shell's executor that may crash between any two of them.
 */
import { DatabaseSync } from "node:sqlite";
import { instant } from "../../src/support/brand.ts";
import type { ClientReply, ClientRequest, PeerReply } from "../../src/replica/messages.ts";
import { Replica } from "../../src/replica/replica.ts";
import type { Trimming } from "../../src/replica/replica.ts";
import type { Event, Send } from "../../src/replica/turn.ts";
import type { StoreRules } from "../../src/store/rules.ts";
import { Store } from "../../src/store/store.ts";
import type { StoreLimits } from "../../src/store/store-limits.ts";
import { decodeAcceptorReply, encodeAcceptorRequest } from "../../src/wire/acceptor-codec.ts";
import {
  decodeClientReply,
  decodeClientRequest,
  encodeClientReply,
  encodeClientRequest,
} from "../../src/wire/client-codec.ts";
import { decodePeerReply, decodePeerRequest, encodePeerReply, encodePeerRequest } from "../../src/wire/peer-codec.ts";
import { ReplicaStorage } from "../../workers/adapters/replica-storage.ts";
import type { ReplicaRow } from "../../workers/adapters/replica-storage.ts";
import { SimSql } from "./sim-sql.ts";
import type { World } from "./world.ts";

/** How a node's calls reach others; `answer` is called at most once, with null when no answer came. */
export interface Wires {
  acceptor(from: string, to: string, message: string, answer: (reply: string | null) => void): void;
  replica(from: string, to: string, message: string, answer: (reply: string | null) => void): void;
}

/** What tests make happen sooner than it would. */
export interface Tuning {
  readonly limits?: Partial<StoreLimits>;
  readonly trimming?: Trimming;
  /** A store with other rules: a broken twin. */
  readonly rules?: Partial<StoreRules>;
}

function unwrap<T>(
  decoded: { readonly ok: true; readonly body: T } | { readonly ok: false; readonly why: unknown },
): T {
  if (!decoded.ok) throw new Error(`the codec refused its own message: ${JSON.stringify(decoded.why)}`);
  return decoded.body;
}

export class ReplicaNode {
  readonly region: string;
  readonly #world: World;
  readonly #wires: Wires;
  readonly #regions: readonly string[];
  readonly #tuning: Tuning;
  readonly #sql = new SimSql(new DatabaseSync(":memory:"));
  #storage = new ReplicaStorage(this.#sql);
  #row: ReplicaRow;
  #core: Replica;
  #store: Store;
  /** Counts lives: what an earlier life asked for no longer reaches this one. */
  #life = 0;
  #nextHandle = 1;
  readonly #waiting = new Map<number, (body: ClientReply | PeerReply | null) => void>();
  #alarmAt: number | null = null;
  #wakeAt: number | null = null;
  /** A call has told this life who it is. */
  #awake = false;
  up = true;

  constructor(world: World, region: string, regions: readonly string[], wires: Wires, tuning: Tuning = {}) {
    this.#world = world;
    this.region = region;
    this.#regions = regions;
    this.#wires = wires;
    this.#tuning = tuning;
    this.#row = { namespace: "default", region, round: 0, members: null };
    [this.#core, this.#store] = this.#start();
  }

  get store(): Store {
    return this.#store;
  }

  #start(): [Replica, Store] {
    // As in the shell: whoever wakes it by a call says who it is.
    this.#storage = new ReplicaStorage(this.#sql);
    this.#row = this.#storage.load() ?? { namespace: "default", region: this.region, round: 0, members: null };
    const row = this.#row;
    const store = new Store(this.#sql, { limits: this.#tuning.limits ?? {}, rules: this.#tuning.rules ?? {} });
    const core = new Replica({
      place: {
        cluster: "sim",
        namespace: "default",
        region: this.region,
        acceptorRegions: this.#regions,
        replicaRegions: this.#regions,
      },
      store,
      random: this.#world.random,
      round: row.round,
      members: row.members,
      ...(this.#tuning.trimming === undefined ? {} : { trimming: this.#tuning.trimming }),
    });
    return [core, store];
  }

  restart(): void {
    this.#world.count("replica-restart");
    this.#awake = false;
    this.#life += 1;
    const abandoned = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#wakeAt = null;
    [this.#core, this.#store] = this.#start();
    for (const answer of abandoned) answer(null);
    if (this.#alarmAt !== null) this.#ring(this.#alarmAt);
  }

  /** All rows are lost: it comes back as if new. Harmless for a replica; an acceptor would be refused. */
  wipe(): void {
    this.#world.count("replica-wiped");
    for (const { name } of this.#sql.all("SELECT name FROM sqlite_master WHERE type = 'table'"))
      this.#sql.all(`DROP TABLE "${String(name)}"`);
    this.#alarmAt = null;
    this.restart();
  }

  client(request: ClientRequest, answer: (reply: ClientReply | null) => void): void {
    const decoded = unwrap(decodeClientRequest(encodeClientRequest(request)));
    this.#ask(
      (handle) => ({ type: "client", handle, request: decoded }),
      (body) => answer(body === null ? null : unwrap(decodeClientReply(encodeClientReply(body as ClientReply)))),
    );
  }

  peer(message: string, answer: (reply: string | null) => void): void {
    const { from, request } = unwrap(decodePeerRequest(message));
    this.#ask(
      (handle) => ({ type: "peer", handle, from, request }),
      (body) => answer(body === null ? null : encodePeerReply(body as PeerReply)),
    );
  }

  #ask(event: (handle: number) => Event, answer: (body: ClientReply | PeerReply | null) => void): void {
    if (!this.up) return answer(null);
    this.#awake = true;
    const handle = this.#nextHandle;
    this.#nextHandle += 1;
    this.#waiting.set(handle, answer);
    this.#step(event(handle));
  }

  #step(event: Event): void {
    if (!this.up) return;
    const dying = this.#world.chance(this.crashChance) ? this.#world.pick(["commit", "send", "reply"] as const) : null;
    this.#sql.begin();
    const wasLoading = this.#store.loading;
    const outcome = this.#core.step(event, instant(this.#world.now));
    if (wasLoading && !this.#store.loading) this.#world.count("snapshot-loaded");
    this.#row = this.#storage.keep(this.#row, outcome.persist, this.#store.exists);
    if (dying === "commit") {
      this.#sql.rollback();
      return this.restart();
    }
    this.#sql.commit();
    if (dying === "send") return this.restart();
    for (const send of outcome.send) this.#send(send);
    if (dying === "reply") return this.restart();
    for (const { handle, body } of outcome.reply) {
      const answer = this.#waiting.get(handle);
      this.#waiting.delete(handle);
      answer?.(body);
    }
    if (outcome.wakeAt !== null && (this.#wakeAt === null || outcome.wakeAt < this.#wakeAt)) this.#wake(outcome.wakeAt);
    if (outcome.alarmAt !== null && (this.#alarmAt === null || outcome.alarmAt < this.#alarmAt))
      this.#ring(outcome.alarmAt);
  }

  /** Chance of dying in a turn; set by the run. */
  crashChance = 0;

  #wake(at: number): void {
    const life = this.#life;
    this.#wakeAt = at;
    this.#world.after(at - this.#world.now, () => {
      if (life !== this.#life || this.#wakeAt !== at) return;
      this.#wakeAt = null;
      this.#step({ type: "wake" });
    });
  }

  #ring(at: number): void {
    this.#alarmAt = at;
    this.#world.after(at - this.#world.now, () => {
      if (this.#alarmAt !== at) return;
      this.#alarmAt = null;
      this.#world.count("alarm");
      // An object that an alarm wakes knows itself only by its row.
      if (this.#awake || new ReplicaStorage(this.#sql).load() !== null) this.#step({ type: "alarm" });
    });
  }

  #send({ call, to, message, timeoutMs }: Send): void {
    const life = this.#life;
    let open = true;
    const answered = (event: () => Event): void => {
      if (!open || life !== this.#life) return;
      open = false;
      this.#step(event());
    };
    if (to.kind === "acceptor" && (message.type === "protocol" || message.type === "founding")) {
      const end = (reply: string | null) =>
        answered(() => ({
          type: "acceptor-answer",
          call,
          reply: reply === null ? null : unwrap(decodeAcceptorReply(reply)),
        }));
      this.#world.after(timeoutMs, () => end(null));
      this.#wires.acceptor(this.region, to.region, encodeAcceptorRequest(message), end);
    } else if (message.type !== "protocol" && message.type !== "founding") {
      const end = (reply: string | null) =>
        answered(() => ({
          type: "replica-answer",
          call,
          reply: reply === null ? null : unwrap(decodePeerReply(reply)),
        }));
      this.#world.after(timeoutMs, () => end(null));
      this.#wires.replica(this.region, to.region, encodePeerRequest(this.region, message), end);
    }
  }
}
