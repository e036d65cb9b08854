/**
 * A simulated acceptor: the real executor and the real storage code on real SQLite, behind the real codec. It can crash
 * before a turn is committed, or after it but before the answer leaves; be replaced while the old instance goes on
 * answering; and lose its rows, or be given other ones.
 */
import type { Ballot } from "../../../src/paxos/ballot.ts";
import { randomIdentity } from "../../../src/support/random.ts";
import type { AcceptorReply, AcceptorRequest } from "../../../src/paxos/messages.ts";
import { decodeAcceptorRequest, encodeAcceptorReply } from "../../../src/wire/acceptor-codec.ts";
import { receive } from "../../../workers/adapters/acceptor-desk.ts";
import { AcceptorStorage } from "../../../workers/adapters/acceptor-storage.ts";
import { Clock } from "../clocks.ts";
import { Dialect, understood } from "../versions.ts";
import type { World } from "../world.ts";
import { OutputGate } from "./output-gate.ts";
import { SimSql } from "./sim-sql.ts";

/** What a turn looked like from outside: for the checkers. */
export interface AcceptorTurn {
  readonly acceptor: AcceptorNode;
  readonly request: AcceptorRequest;
  readonly reply: AcceptorReply;
  /** What it remembers of the log after the turn. */
  readonly after: { readonly promised: Ballot | null; readonly floor: number };
  /** What its clock showed, in ms. */
  readonly clock: number;
  /** Of an instance that was replaced: its writes are not confirmed, and nothing leaves that rests on one. */
  readonly zombie: boolean;
}

/** What became of its rows. */
export type Amnesia = "emptied" | "restored" | "copied";

interface Instance {
  readonly sql: SimSql;
  readonly gate: OutputGate;
  readonly storage: AcceptorStorage;
}

/** A copy of an acceptor's rows, and when it was taken. */
interface Backup {
  readonly sql: SimSql;
  readonly counter: number;
}

export class AcceptorNode {
  readonly region: string;
  readonly clock: Clock;
  readonly dialect = new Dialect();
  readonly #world: World;
  readonly #watch: (turn: AcceptorTurn) => void;
  readonly #confirmMs: number;
  #instance: Instance;
  #zombies: Instance[] = [];
  #backup: Backup | null = null;
  /** Restored, and not yet noticed by anybody. */
  #unnoticed = false;
  amnesia: Amnesia | null = null;
  up = true;
  overloaded = false;
  /** Chance of dying around one message; set by the run. */
  crashChance = 0;

  constructor(world: World, region: string, confirmMs: number, watch: (turn: AcceptorTurn) => void) {
    this.#world = world;
    this.#confirmMs = confirmMs;
    this.#instance = this.#open(new SimSql());
    this.region = region;
    this.clock = new Clock(world);
    this.#watch = watch;
  }

  #open(sql: SimSql): Instance {
    return { sql, gate: new OutputGate(this.#world, sql, this.#confirmMs), storage: new AcceptorStorage(sql) };
  }

  get storage(): AcceptorStorage {
    return this.#instance.storage;
  }

  /** The object is evicted or killed: memory is gone, what was committed stays. */
  restart(): void {
    this.#world.count("acceptor-restart", this.region);
    this.#instance.gate.lose();
    this.#instance = this.#open(this.#instance.sql);
  }

  /** Another instance takes over; the old one goes on answering some callers, from its memory and a copy of the rows. */
  replace(lifeMs: number): void {
    // The one answer that rests on no write is trusted not to come from such an instance (F6).
    if (this.storage.enrolment?.open !== true) return;
    // What it has written and not had confirmed never will be: it can say nothing any more.
    if (this.#instance.gate.holds) return this.restart();
    this.#world.count("acceptor-zombie", this.region);
    const old = this.#instance;
    const heir = new SimSql();
    old.sql.leaveTo(heir);
    this.#instance = this.#open(heir);
    this.#zombies.push(old);
    this.#world.after(lifeMs, () => this.#end(old));
  }

  #end(zombie: Instance): void {
    this.#zombies = this.#zombies.filter((other) => other !== zombie);
  }

  /** @param answer called once it leaves, if it does. */
  receive(sent: string, answer: (reply: string) => void): void {
    if (!this.up) return;
    if (this.overloaded && this.#world.chance(0.8)) return this.#world.count("overloaded");
    const request = understood(decodeAcceptorRequest(this.dialect.hear(sent)));
    if (request === null) return this.#world.count("version-refused");
    if (this.#keptAway(request)) return;
    const say = (reply: AcceptorReply): void => answer(this.dialect.speak(encodeAcceptorReply(reply)));
    if (this.#zombies.length > 0 && this.#world.chance(0.5))
      this.#zombieTurn(this.#world.pick(this.#zombies), request, say);
    else this.#turn(request, say);
  }

  #turn(request: AcceptorRequest, say: (reply: AcceptorReply) => void): void {
    const { gate } = this.#instance;
    const dies = this.#world.chance(this.crashChance) ? this.#world.pick(["before", "after"] as const) : null;
    gate.begin();
    const turn = this.#step(this.#instance, request);
    this.#world.count("acceptor-turn", `${this.region} ${inWords(request, turn.reply)}`);
    if (dies === "before") return this.restart();
    gate.end(() => {
      this.#watch(turn);
      if (dies === null) say(turn.reply);
    });
    if (dies === "after") this.restart();
  }

  /** The platform holds back what rests on a write that it cannot confirm, and ends the object. */
  #zombieTurn(zombie: Instance, request: AcceptorRequest, say: (reply: AcceptorReply) => void): void {
    const before = zombie.sql.changes;
    const turn = this.#step(zombie, request);
    if (zombie.sql.changes > before) {
      this.#world.count("zombie-stopped", this.region);
      return this.#end(zombie);
    }
    this.#world.count("zombie-answered", this.region);
    this.#watch({ ...turn, zombie: true });
    say(turn.reply);
  }

  #step({ storage }: Instance, request: AcceptorRequest): AcceptorTurn {
    const fresh = randomIdentity(this.#world.random);
    const clock = this.clock.now();
    const reply = receive({ storage, object: `object-${this.region}`, now: clock, fresh }, request);
    const { promised, floor } = storage.ledger("log");
    return { acceptor: this, request, reply, after: { promised, floor }, clock, zombie: false };
  }

  // --- amnesia ---

  /** Remembers the rows, to be put back later. */
  backUp(): void {
    if (this.storage.enrolment?.open !== true) return;
    this.#instance.gate.confirm();
    this.#backup = { sql: this.#instance.sql.copy(), counter: this.storage.counter };
  }

  get hasOldBackup(): boolean {
    return this.#backup !== null && this.#backup.counter < this.storage.counter;
  }

  /** All rows are lost. */
  empty(): void {
    this.#forget("emptied");
    this.#instance.sql.wipe();
    this.#instance = this.#open(this.#instance.sql);
  }

  /** The rows are set back to the backup. That is forbidden (F5), and noticed by whoever has seen the later counter. */
  restore(): void {
    if (this.#backup === null) return;
    this.#forget("restored");
    this.#instance.sql.become(this.#backup.sql);
    this.#backup = null;
    this.#unnoticed = true;
    this.#instance = this.#open(this.#instance.sql);
  }

  /** The rows are replaced by those of another acceptor. */
  becomeCopyOf(other: AcceptorNode): void {
    this.#forget("copied");
    other.#instance.gate.confirm();
    this.#instance.sql.become(other.#instance.sql.copy());
    this.#instance = this.#open(this.#instance.sql);
  }

  #forget(how: Amnesia): void {
    this.#world.count(`acceptor-${how}`, this.region);
    this.amnesia = how;
    this.#instance.gate.lose();
    this.#zombies = [];
  }

  /**
   * Noticing a restored acceptor is best effort: one whom nobody speaks to who has seen the later counter votes again.
   * The runbook forbids that; the simulation keeps to the runbook by letting nobody through before one who notices.
   */
  #keptAway(request: AcceptorRequest): boolean {
    if (!this.#unnoticed || request.type !== "protocol") return false;
    if (request.address.seen > this.storage.counter) {
      this.#unnoticed = false;
      return false;
    }
    this.#world.count("kept-away");
    return true;
  }
}

function inWords(request: AcceptorRequest, reply: AcceptorReply): string {
  const asked = request.body.type;
  const answered = reply.type === "protocol" ? reply.body.type : reply.type;
  if (request.type !== "protocol") return `${asked} > ${answered}`;
  const { body } = request;
  if (body.type === "inquire") return `${asked} ${body.subject} above ${body.above} > ${answered}`;
  const at = body.type === "accept" ? body.slot : body.from;
  return `${asked} ${body.subject} ${at} by ${body.ballot.proposer} ${body.ballot.round} > ${answered}`;
}
