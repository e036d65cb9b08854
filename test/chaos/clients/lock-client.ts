/**
 * A client that counts under a lock: it takes the lock, reads the counter, writes the next number with its token (`If-Lock`),
 * renews, and releases; or falls silent, or stalls until its lock is long another's, and writes all the same.
 */
import { integerBetween, type Random } from "../../../src/support/random.ts";
import type { GuardedWrite } from "../recording.ts";
import { Choice } from "./choice.ts";
import { problemIn, usualPatienceMs, type Exchange, type Reply, type Sending } from "./http.ts";
import { send, troubleIn } from "./roads.ts";
import { pause } from "./pause.ts";
import { keepGoing, type Surroundings } from "./surroundings.ts";

const lock = "chaos";
const counter = "counted-under-the-lock";
const ttlMs = 2_000;
const waitMs = 4_000;
const meanPauseMs = 200;
/** What who lost the lock is told: by a write, and by a renewal. */
const isGone: readonly string[] = ["lock-lost", "lock-not-found"];
/** Between two numbers, so that some lock is held when something happens. */
const betweenMs = 150;

export class LockClient {
  readonly #name: string;
  readonly #random: Random;
  readonly #around: Surroundings;
  readonly #choice: Choice;

  constructor(name: string, random: Random, around: Surroundings) {
    this.#name = name;
    this.#random = random;
    this.#around = around;
    this.#choice = new Choice(random, [...around.gateways.keys()]);
  }

  async run(): Promise<void> {
    await keepGoing(this.#around, this.#random, async () => this.#live(), meanPauseMs);
  }

  async #live(): Promise<void> {
    const token = await this.#take();
    if (token === null) return;
    const hold = { client: this.#name, token, from: performance.now(), to: Infinity };
    this.#around.recording.holds.push(hold);
    const rounds = integerBetween(this.#random, 1, 6);
    for (let i = 0; i < rounds && !this.#around.ending(); i += 1) {
      if (!(await this.#count(token)) || !(await this.#renew(token))) break;
      await pause(2 * betweenMs * this.#random.next());
    }
    hold.to = performance.now();
    // Or it dies: its place goes with its lease.
    if (this.#random.next() < 0.7) await this.#release(token);
  }

  /** @returns null when it did not get the lock, or does not know. */
  async #take(): Promise<number | null> {
    const { reply, calledAt, returnedAt } = await this.#send(`/locks/${lock}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ttl: ttlMs / 1_000, wait: waitMs / 1_000, owner: this.#name }),
      patienceMs: usualPatienceMs + waitMs,
    });
    const told = this.#conclude("POST lock", reply, ["lock-held", ...isGone]);
    if (told !== "acknowledged" || reply.type !== "answered") return null;
    const { token } = JSON.parse(reply.answer.body) as { readonly token: number };
    this.#around.recording.acquisitions.push({ client: this.#name, token, calledAt, returnedAt });
    return token;
  }

  /** Reads the counter and writes the next number. @returns whether it may go on. */
  async #count(token: number): Promise<boolean> {
    const read = await this.#send(`/kv/${counter}`, {});
    if (read.reply.type !== "answered") return true;
    const { answer } = read.reply;
    const isThere = answer.status === 200;
    if (!isThere && problemIn(answer).code !== "key-not-found") {
      troubleIn(this.#around, "GET counter", answer);
      return true;
    }
    if (this.#random.next() < 0.1) await pause(ttlMs * (1 + this.#random.next()));
    return this.#write(token, 1 + (isThere ? Number(answer.body) : 0));
  }

  async #write(token: number, value: number): Promise<boolean> {
    const { reply, calledAt, returnedAt } = await this.#send(`/kv/${counter}`, {
      method: "PUT",
      headers: { "if-lock": `${lock};${token}` },
      body: String(value),
    });
    const told = this.#conclude("PUT with If-Lock", reply, isGone);
    const made =
      told === "acknowledged" && reply.type === "answered"
        ? (JSON.parse(reply.answer.body) as { readonly revision: number; readonly version: number })
        : null;
    const write: GuardedWrite = { client: this.#name, token, value, calledAt, returnedAt, told, made };
    this.#around.recording.guarded.push(write);
    // What nobody knows may still happen as long as the lock is held: nothing is counted on top of that.
    return told === "acknowledged";
  }

  async #renew(token: number): Promise<boolean> {
    const { reply } = await this.#send(`/locks/${lock}/${token}`, { method: "PUT" });
    return this.#conclude("PUT lock", reply, isGone) !== "refused";
  }

  async #release(token: number): Promise<void> {
    const { reply } = await this.#send(`/locks/${lock}/${token}`, { method: "DELETE" });
    const told = this.#conclude("DELETE lock", reply, isGone);
    // Once more, with a token that is certainly of the past: any number would do harm.
    if (told === "acknowledged" && this.#random.next() < 0.3) await this.#write(token, -1);
  }

  #conclude(what: string, reply: Reply, refusals: readonly string[]): GuardedWrite["told"] {
    const told = this.#told(what, reply, refusals);
    this.#around.recording.count(what, told);
    return told;
  }

  #told(what: string, reply: Reply, refusals: readonly string[]): GuardedWrite["told"] {
    if (reply.type === "not-sent") return "not-applied";
    if (reply.type === "no-answer") return "unknown";
    if (reply.answer.status < 300) return "acknowledged";
    if (refusals.includes(problemIn(reply.answer).code)) return "refused";
    return troubleIn(this.#around, what, reply.answer).outcome === "not-applied" ? "not-applied" : "unknown";
  }

  async #send(path: string, sending: Sending): Promise<Exchange> {
    return send({ ...this.#around, choice: this.#choice }, path, sending);
  }
}
