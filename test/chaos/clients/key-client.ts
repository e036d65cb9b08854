/**
 * A client of keys and values: draws what to do, does it, records it. One that is bound to a region asks only there, and
 * mostly writes: by those it is seen how long a region's users had to wait.
 */
import { integerBetween, randomIdentity, type Random } from "../../../src/support/random.ts";
import type { Condition } from "../../linearizability/key-value-calls.ts";
import type { ReadCall, Told } from "../recording.ts";
import { claimed } from "../twins.ts";
import { Choice } from "./choice.ts";
import { readGroup, readKey, type Level } from "./reading.ts";
import { keepGoing, type Surroundings } from "./surroundings.ts";
import { carryOut, repeat, type Write, type Written } from "./writing.ts";

/** How much of each 100 operations is what. */
const everywhere = { put: 26, retried: 12, abandoned: 4, remove: 7, linearizable: 24, session: 10, local: 10, list: 7 };
const bound = { put: 80, retried: 0, abandoned: 0, remove: 5, linearizable: 15, session: 0, local: 0, list: 0 };
type Action = keyof typeof everywhere;

/** How many linearizable reads are followed by a local one of the same replica: it has just made sure, and says so. */
const doubleShare = 0.25;

/** How many answered writes are sent once more. */
const repeatShare = 0.2;
/** How many of those who retry walk away from their first attempt: it is then still under way beside the second. */
const impatientShare = 0.4;
const longestStayMs = 25;

export class KeyClient {
  readonly #name: string;
  readonly #random: Random;
  readonly #around: Surroundings;
  readonly #weights: Readonly<Record<Action, number>>;
  readonly #choice: Choice;
  /** Of each key, the revision this client last saw it changed by. */
  readonly #seen = new Map<string, number>();
  /** The store's highest revision that this client has seen: what its session reads ask for. */
  #last = 0;
  #written = 0;

  constructor(name: string, random: Random, around: Surroundings, region: string | null = null) {
    this.#name = name;
    this.#random = random;
    this.#around = around;
    this.#weights = region === null ? everywhere : bound;
    this.#choice = new Choice(random, region === null ? [...around.gateways.keys()] : [region]);
  }

  async run(): Promise<void> {
    await keepGoing(this.#around, this.#random, async () => this.#act(this.#draw()));
  }

  #draw(): Action {
    let left = this.#random.next() * Object.values(this.#weights).reduce((sum, weight) => sum + weight, 0);
    for (const [action, weight] of Object.entries(this.#weights)) {
      left -= weight;
      if (left < 0) return action as Action;
    }
    return "put";
  }

  async #act(action: Action): Promise<void> {
    switch (action) {
      case "put":
        return this.#put({});
      case "retried":
        return this.#put({
          idempotencyKey: randomIdentity(this.#random),
          ...(this.#random.next() < impatientShare ? this.#impatience() : {}),
        });
      case "abandoned":
        return this.#put(this.#impatience());
      case "remove":
        return this.#remove();
      case "list":
        return this.#list();
      case "linearizable":
        return this.#get({ consistency: "linearizable", atLeast: null });
      case "session":
        return this.#get({ consistency: "session", atLeast: this.#last });
      case "local":
        return this.#get({ consistency: "local", atLeast: null });
    }
  }

  async #put({
    idempotencyKey = null,
    walksAwayAfterMs,
  }: {
    idempotencyKey?: string | null;
    walksAwayAfterMs?: number;
  }) {
    const { key } = this.#around.keys.draw(this.#random);
    this.#written += 1;
    const value = `${this.#name}:${this.#written}`;
    const condition = this.#condition(key);
    const write: Write = { operation: "put", key, value, condition, idempotencyKey, walksAwayAfterMs };
    const how = idempotencyKey === null ? "" : ", Idempotency-Key";
    const abandoned = walksAwayAfterMs !== undefined && idempotencyKey === null;
    const what = !abandoned ? `PUT ${names[condition.type]}${how}` : "PUT abandoned";
    const written = await this.#carryOut(write, what);
    const { told } = written;
    if (idempotencyKey === null || this.#random.next() >= repeatShare) return;
    if (told.type !== "acknowledged" && told.type !== "refused") return;
    const again = await repeat({ ...this.#around, choice: this.#choice }, write);
    this.#around.recording.repeats.push({ client: this.#name, key, first: told, again });
    this.#around.recording.count("PUT answered before, sent again", again.type);
  }

  #impatience(): { readonly walksAwayAfterMs: number } {
    return { walksAwayAfterMs: integerBetween(this.#random, 0, longestStayMs) };
  }

  async #remove(): Promise<void> {
    const { key } = this.#around.keys.draw(this.#random);
    const condition = this.#random.next() < 0.5 ? this.#unchanged(key) : null;
    const write: Write = {
      operation: "delete",
      key,
      value: null,
      condition: condition ?? { type: "always" },
      idempotencyKey: null,
    };
    await this.#carryOut(write, condition === null ? "DELETE" : "DELETE If-Match");
  }

  async #carryOut(write: Write, what: string): Promise<Written> {
    const { recording, keys, twin } = this.#around;
    const written = await carryOut({ ...this.#around, choice: this.#choice }, write);
    const told = twin === "lost-acknowledgement" ? claimed(written.told, this.#last) : written.told;
    const { operation, key, value, condition } = write;
    recording.writes.push({ ...written, client: this.#name, operation, key, value, condition, told });
    recording.count(what, told.type);
    if (written.told.type === "unknown") keys.doubt(key);
    this.#learn(key, written.told);
    return written;
  }

  async #get(level: Level): Promise<void> {
    const { key } = this.#around.keys.draw(this.#random);
    const mistaken = this.#around.twin === "stale-reads" && level.consistency === "linearizable";
    const sent: Level = mistaken ? { consistency: "local", atLeast: null } : level;
    const call = await readKey({ ...this.#around, choice: this.#choice }, this.#name, key, sent);
    this.#keep(`GET ${level.consistency}`, call === null ? null : { ...call, ...level });
    if (call !== null && level.consistency === "linearizable" && this.#random.next() < doubleShare) {
      const there = new Choice(this.#random, [call.servedBy]);
      const local = { consistency: "local", atLeast: null } as const;
      this.#keep("GET local", await readKey({ ...this.#around, choice: there }, this.#name, key, local));
    }
  }

  async #list(): Promise<void> {
    const { group } = this.#around.keys.draw(this.#random);
    const level = { consistency: "linearizable", atLeast: null } as const;
    this.#keep("GET prefix", await readGroup({ ...this.#around, choice: this.#choice }, this.#name, group, level));
  }

  #keep(what: string, call: ReadCall | null): void {
    const { recording } = this.#around;
    recording.count(what, call === null ? "no answer" : "answered");
    if (call === null) return;
    recording.reads.push(call);
    this.#last = Math.max(this.#last, call.revision);
    for (const { key, found } of call.shown) {
      if (found === null) this.#seen.delete(key);
      else this.#seen.set(key, found.modRevision);
    }
  }

  #condition(key: string): Condition {
    const draw = this.#random.next();
    if (draw < 0.35) return this.#unchanged(key) ?? { type: "absent" };
    if (draw < 0.45) return { type: "absent" };
    if (draw < 0.5) return { type: "present" };
    return { type: "always" };
  }

  #unchanged(key: string): Condition | null {
    const modRevision = this.#seen.get(key);
    return modRevision === undefined ? null : { type: "unchanged-since", modRevision };
  }

  #learn(key: string, told: Told): void {
    if (told.type === "refused" && told.modRevision !== null) this.#seen.set(key, told.modRevision);
    if (told.type !== "acknowledged") return;
    this.#last = Math.max(this.#last, told.revision);
    this.#seen.set(key, told.revision);
  }
}

const names = {
  always: "always",
  "unchanged-since": "If-Match",
  present: "If-Match *",
  absent: "If-None-Match *",
} as const;
