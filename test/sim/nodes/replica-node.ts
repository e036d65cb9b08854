/**
 * A simulated replica: one object, and the instances of it that live one after the other, or for a while beside each
 * other. Its rows outlive them all, and so does its alarm.
 */
import { encodeClientRequest } from "../../../src/wire/client-codec.ts";
import type { ClientReply, ClientRequest } from "../../../src/replica/messages.ts";
import { decodeClientReply } from "../../../src/wire/client-codec.ts";
import { Clock } from "../clocks.ts";
import { Dialect, understood } from "../versions.ts";
import type { Swarm } from "../swarm.ts";
import type { World } from "../world.ts";
import { ReplicaInstance } from "./replica-instance.ts";
import type { Surroundings, Tuning, Wires } from "./replica-instance.ts";
import { SimSql } from "./sim-sql.ts";

/** What a turn looked like from outside: for the checkers. */
export interface ReplicaTurn {
  readonly replica: ReplicaNode;
  readonly instance: ReplicaInstance;
}

export class ReplicaNode {
  readonly region: string;
  readonly clock: Clock;
  readonly dialect = new Dialect();
  readonly #world: World;
  readonly #surroundings: Surroundings;
  #instance: ReplicaInstance;
  #zombies: ReplicaInstance[] = [];
  #backup: SimSql | null = null;
  #alarmAt: number | null = null;
  up = true;
  /** How often its rows were lost, or replaced by other ones. */
  rowsReplaced = 0;
  overloaded = false;
  /** Chance of dying in a turn; set by the run. */
  crashChance = 0;
  /** Chance that an alarm is late, and that it rings twice. */
  badAlarmChance = 0;

  constructor(
    world: World,
    region: string,
    { regions, confirmMs }: Swarm,
    wires: Wires,
    tuning: Tuning,
    watch: (turn: ReplicaTurn) => void,
  ) {
    this.#world = world;
    this.region = region;
    this.clock = new Clock(world);
    this.#surroundings = {
      world,
      region,
      regions,
      clock: this.clock,
      dialect: this.dialect,
      wires,
      tuning,
      confirmMs,
      dies: () => world.chance(this.crashChance),
      died: () => this.restart(),
      setAlarm: (at) => this.#setAlarm(at),
      committed: (instance) => watch({ replica: this, instance }),
    };
    this.#instance = this.#start(new SimSql());
  }

  #start(sql: SimSql): ReplicaInstance {
    return new ReplicaInstance(sql, this.#surroundings);
  }

  /** Requests that were let in and have not been answered. */
  get owes(): number {
    return this.#instance.owes;
  }

  get store() {
    return this.#instance.store;
  }

  /** The object is evicted or killed: memory is gone, what was committed stays. */
  restart(): void {
    this.#world.count("replica-restart", this.region);
    const old = this.#instance;
    old.end();
    this.#instance = this.#start(old.sql);
    if (this.#alarmAt !== null) this.#ring(this.#alarmAt);
  }

  /** Another instance takes over; the old one goes on, with all it has in memory and a copy of the rows. */
  replace(lifeMs: number): void {
    // What it has written and not had confirmed never will be: it can say nothing any more.
    if (this.#instance.holds) return this.restart();
    this.#world.count("replica-zombie", this.region);
    const old = this.#instance;
    const heir = new SimSql();
    old.sql.leaveTo(heir);
    this.#instance = this.#start(heir);
    old.becomeZombie(() => {
      this.#zombies = this.#zombies.filter((other) => other !== old);
    });
    this.#zombies.push(old);
    this.#world.after(lifeMs, () => old.end());
  }

  // --- amnesia: harmless for a minority of replicas, since all they hold follows from the log ---

  /** All rows are lost: it comes back as if new. */
  wipe(): void {
    this.#alarmAt = null;
    this.#replaceRows("wiped", (sql) => sql.wipe());
  }

  backUp(): void {
    this.#backup = this.#instance.confirmedCopy();
  }

  restore(): void {
    const backup = this.#backup;
    this.#backup = null;
    if (backup !== null) this.#replaceRows("restored", (sql) => sql.become(backup));
  }

  becomeCopyOf(other: ReplicaNode): void {
    this.#replaceRows("copied", (sql) => sql.become(other.#instance.confirmedCopy()));
  }

  #replaceRows(how: string, replace: (sql: SimSql) => void): void {
    this.#world.count(`replica-${how}`, this.region);
    this.rowsReplaced += 1;
    for (const zombie of this.#zombies) zombie.end();
    const old = this.#instance;
    old.end();
    replace(old.sql);
    this.#instance = this.#start(old.sql);
    if (this.#alarmAt !== null) this.#ring(this.#alarmAt);
  }

  // --- calls ---

  /** @param message and the answer as text, each in its sender's dialect. */
  fromClient(message: string, answer: (reply: string | null) => void): void {
    this.#admit(answer)?.client(message, answer);
  }

  fromPeer(message: string, answer: (reply: string | null) => void): void {
    this.#admit(answer)?.peer(message, answer);
  }

  /** A client that sits right here, without a gateway and its network. */
  ask(request: ClientRequest, answer: (reply: ClientReply | null) => void): void {
    this.fromClient(this.dialect.speak(encodeClientRequest(request)), (text) => {
      answer(text === null ? null : understood(decodeClientReply(this.dialect.hear(text))));
    });
  }

  #admit(answer: (reply: null) => void): ReplicaInstance | null {
    if (this.up && !(this.overloaded && this.#world.chance(0.8)))
      return this.#zombies.length > 0 && this.#world.chance(0.5) ? this.#world.pick(this.#zombies) : this.#instance;
    if (this.up) this.#world.count("overloaded");
    answer(null);
    return null;
  }

  /** Goes down, or comes back. */
  setUp(up: boolean): void {
    if (this.up === up) return;
    this.up = up;
    for (const zombie of this.#zombies) zombie.end();
    if (up) this.restart();
    else this.#instance.end();
  }

  // --- the alarm: durable, at least once ---

  #setAlarm(at: number): void {
    if (this.#alarmAt === null || at < this.#alarmAt) this.#ring(at);
  }

  #ring(at: number): void {
    const world = this.#world;
    this.#alarmAt = at;
    const lateMs = world.chance(this.badAlarmChance) ? world.between(0, 3_000) : 0;
    if (lateMs > 0) world.count("alarm-late");
    world.after(at - this.clock.now() + lateMs, () => {
      if (this.#alarmAt !== at || !this.up) return;
      this.#alarmAt = null;
      world.count("alarm");
      this.#instance.alarm();
      if (!world.chance(this.badAlarmChance)) return;
      world.count("alarm-twice");
      world.after(world.between(0, 500), () => {
        if (this.up) this.#instance.alarm();
      });
    });
  }
}
