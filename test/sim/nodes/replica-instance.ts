/**
 * One life of a simulated replica: the real core and the real store on real SQLite, every message through the real codec,
 * its effects carried out in their fixed order by a twin of the shell's executor, which may die between any two of them.
 */
import type { ClientReply, PeerReply } from "../../../src/replica/messages.ts";
import type { DriftRule } from "../../../src/replica/drift.ts";
import { Replica } from "../../../src/replica/replica.ts";
import type { Trimming } from "../../../src/replica/start.ts";
import type { Event, Send, TurnOutcome } from "../../../src/replica/turn.ts";
import type { ExpiryGuard } from "../../../src/store/command.ts";
import { Store } from "../../../src/store/store.ts";
import type { StoreLimits } from "../../../src/store/store-limits.ts";
import { decodeAcceptorReply, encodeAcceptorRequest } from "../../../src/wire/acceptor-codec.ts";
import { decodeClientRequest, encodeClientReply } from "../../../src/wire/client-codec.ts";
import {
  decodePeerReply,
  decodePeerRequest,
  encodePeerReply,
  encodePeerRequest,
} from "../../../src/wire/peer-codec.ts";
import { ReplicaStorage } from "../../../workers/adapters/replica-storage.ts";
import type { ReplicaRow } from "../../../workers/adapters/replica-storage.ts";
import type { Clock } from "../clocks.ts";
import { understood } from "../versions.ts";
import type { Dialect } from "../versions.ts";
import type { World } from "../world.ts";
import { OutputGate } from "./output-gate.ts";
import type { SimSql } from "./sim-sql.ts";

/** How an instance's calls reach others; `answer` is called at most once, with null when no answer came. */
export interface Wires {
  acceptor(from: string, to: string, message: string, answer: (reply: string | null) => void): void;
  replica(from: string, to: string, message: string, answer: (reply: string | null) => void): void;
}

/** What simulations make happen sooner than it would. */
export interface Tuning {
  readonly limits?: Partial<StoreLimits>;
  readonly trimming?: Trimming;
  readonly expiryGuard?: ExpiryGuard;
  /** Absent: leadership stays where it is. */
  readonly drift?: DriftRule;
}

export interface Surroundings {
  readonly world: World;
  readonly region: string;
  readonly regions: readonly string[];
  readonly clock: Clock;
  readonly dialect: Dialect;
  readonly wires: Wires;
  readonly tuning: Tuning;
  readonly confirmMs: number;
  /** Drawn once a turn: whether it dies in this one. */
  dies(): boolean;
  died(): void;
  setAlarm(at: number): void;
  committed(instance: ReplicaInstance): void;
}

interface Running {
  readonly core: Replica;
  row: ReplicaRow;
}

type Answer = (body: ClientReply | PeerReply | null) => void;

export class ReplicaInstance {
  readonly sql: SimSql;
  readonly #around: Surroundings;
  readonly #gate: OutputGate;
  readonly #storage: ReplicaStorage;
  /** Once a call or an alarm has begun it. */
  #running: Running | null = null;
  #store: Store | null = null;
  #alive = true;
  #zombie: (() => void) | null = null;
  #nextHandle = 1;
  readonly #waiting = new Map<number, Answer>();
  #wakeAt: number | null = null;

  constructor(sql: SimSql, around: Surroundings) {
    this.sql = sql;
    this.#around = around;
    this.#gate = new OutputGate(around.world, sql, around.confirmMs);
    this.#storage = new ReplicaStorage(sql);
  }

  /** As in the shell: whoever wakes it by a call says where it is. */
  #begin(region: string): Running {
    if (this.#running !== null) return this.#running;
    const { world, regions, tuning } = this.#around;
    const row = this.#storage.loadFor({ namespace: "default", region });
    this.#store = null;
    const core = new Replica({
      place: { cluster: "sim", namespace: "default", region, acceptorRegions: regions, replicaRegions: regions },
      store: this.store,
      random: world.random,
      round: row.round,
      members: row.members,
      ...(tuning.expiryGuard === undefined ? {} : { expiryGuard: tuning.expiryGuard }),
      ...(tuning.drift === undefined ? {} : { drift: tuning.drift }),
      ...(tuning.trimming === undefined ? {} : { trimming: tuning.trimming }),
    });
    this.#running = { core, row };
    return this.#running;
  }

  get store(): Store {
    this.#store ??= new Store(this.sql, { limits: this.#around.tuning.limits ?? {} });
    return this.#store;
  }

  /** Requests that were let in and have not been answered. */
  get owes(): number {
    return this.#waiting.size;
  }

  get isZombie(): boolean {
    return this.#zombie !== null;
  }

  /** Writes wait for their confirmation. */
  get holds(): boolean {
    return this.#gate.holds;
  }

  /** Its rows, with all that it wrote. */
  confirmedCopy(): SimSql {
    this.#gate.confirm();
    return this.sql.copy();
  }

  /** It was replaced: it goes on, but can confirm no write. @param ended called when it is over. */
  becomeZombie(ended: () => void): void {
    this.#zombie = ended;
  }

  /** It stops here: whoever waits for it hears nothing, or an error. */
  end(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#gate.lose();
    this.#zombie?.();
    const abandoned = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const answer of abandoned) answer(null);
  }

  client(message: string, answer: (reply: string | null) => void): void {
    const request = this.#hear(decodeClientRequest, message);
    if (request === null) return answer(null);
    this.#ask(
      (handle) => ({ type: "client", handle, request }),
      (body) => answer(body === null ? null : this.#around.dialect.speak(encodeClientReply(body as ClientReply))),
    );
  }

  peer(message: string, answer: (reply: string | null) => void): void {
    const heard = this.#hear(decodePeerRequest, message);
    if (heard === null) return answer(null);
    const { from, request } = heard;
    this.#ask(
      (handle) => ({ type: "peer", handle, from, request }),
      (body) => answer(body === null ? null : this.#around.dialect.speak(encodePeerReply(body as PeerReply))),
    );
  }

  #hear<T>(decode: (message: string) => Parameters<typeof understood<T>>[0], message: string): T | null {
    const body = understood(decode(this.#around.dialect.hear(message)));
    if (body === null) this.#around.world.count("version-refused");
    return body;
  }

  #ask(event: (handle: number) => Event, answer: Answer): void {
    if (!this.#alive) return answer(null);
    this.#begin(this.#around.region);
    const handle = this.#nextHandle;
    this.#nextHandle += 1;
    this.#waiting.set(handle, answer);
    this.#step(event(handle));
  }

  /** As in the shell: an instance that an alarm starts knows itself only by its row, unless that is another's (L8). */
  alarm(): void {
    const row = this.#running?.row ?? this.#storage.load();
    if (row === null || !this.#alive) return;
    if (this.#running === null && row.region !== this.#around.region) {
      this.#around.world.count("copy-dropped", this.#around.region);
      this.#store = null;
      return this.#storage.drop();
    }
    this.#begin(row.region);
    this.#step({ type: "alarm" });
  }

  #step(event: Event): void {
    if (!this.#alive) return;
    const running = this.#begin(this.#around.region);
    if (this.isZombie) return this.#zombieStep(running, event);
    this.#gate.begin();
    const wasLoading = this.store.loading;
    const outcome = this.#turn(running, event);
    if (wasLoading && !this.store.loading) this.#around.world.count("snapshot-loaded");
    // Death comes before the commit, or after it and after some of the effects.
    const effects = outcome.send.length + outcome.reply.length;
    const lastBreath = this.#around.dies() ? Math.floor(this.#around.world.between(-1, effects + 1)) : Infinity;
    if (lastBreath < 0) return this.#around.died();
    this.#wakeBy(outcome);
    this.#gate.end(() => {
      this.#around.committed(this);
      this.#carryOut(outcome, lastBreath);
      if (lastBreath <= effects && this.#alive) this.#around.died();
    });
  }

  /** The platform holds back what rests on a write that it cannot confirm, and ends the object. */
  #zombieStep(running: Running, event: Event): void {
    const { world, region } = this.#around;
    const before = this.sql.changes;
    const outcome = this.#turn(running, event);
    if (this.sql.changes > before) {
      world.count("zombie-stopped", region);
      return this.end();
    }
    if (outcome.reply.length > 0) world.count("zombie-answered", region);
    this.#wakeBy(outcome);
    this.#carryOut(outcome, Infinity);
  }

  #turn(running: Running, event: Event): TurnOutcome {
    const outcome = running.core.step(event, this.#around.clock.now());
    running.row = this.#storage.keep(running.row, outcome.persist, this.store.exists);
    return outcome;
  }

  /** @param lastBreath how many effects it lives to carry out. */
  #carryOut(outcome: TurnOutcome, lastBreath: number): void {
    for (const send of outcome.send.slice(0, lastBreath)) this.#send(send);
    for (const { handle, body } of outcome.reply.slice(0, Math.max(0, lastBreath - outcome.send.length))) {
      const answer = this.#waiting.get(handle);
      this.#waiting.delete(handle);
      answer?.(body);
    }
    if (outcome.alarmAt !== null && !this.isZombie) this.#around.setAlarm(outcome.alarmAt);
  }

  #wakeBy({ wakeAt }: TurnOutcome): void {
    if (wakeAt !== null && (this.#wakeAt === null || wakeAt < this.#wakeAt)) this.#wake(wakeAt);
  }

  #wake(at: number): void {
    this.#wakeAt = at;
    this.#around.world.after(at - this.#around.clock.now(), () => {
      if (this.#wakeAt !== at) return;
      this.#wakeAt = null;
      this.#step({ type: "wake" });
    });
  }

  #send({ call, to, message, timeoutMs }: Send): void {
    const { world, region, wires, dialect } = this.#around;
    let open = true;
    const answered = (event: Event): void => {
      open = false;
      this.#step(event);
    };
    if (to.kind === "acceptor" && (message.type === "protocol" || message.type === "founding")) {
      const end = (reply: string | null): void => {
        if (!open) return;
        const body = reply === null ? null : this.#hear(decodeAcceptorReply, reply);
        answered({ type: "acceptor-answer", call, reply: body });
      };
      world.after(timeoutMs, () => end(null));
      wires.acceptor(region, to.region, dialect.speak(encodeAcceptorRequest(message)), end);
    } else if (message.type !== "protocol" && message.type !== "founding") {
      const end = (reply: string | null): void => {
        if (!open) return;
        const body = reply === null ? null : this.#hear(decodePeerReply, reply);
        if (this.#around.tuning.drift !== undefined && body?.type === "results" && body.leader === region) {
          world.count("heir-named", region);
        }
        answered({ type: "replica-answer", call, reply: body });
      };
      world.after(timeoutMs, () => end(null));
      wires.replica(region, to.region, dialect.speak(encodePeerRequest(region, message)), end);
    }
  }
}
