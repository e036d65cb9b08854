/**
 * A client of decisions: proposes a value of its own for what is just open, or asks what was decided. Some proposals carry
 * an `Idempotency-Key` and are repeated until somebody knows.
 */
import { randomIdentity, type Random } from "../../../src/support/random.ts";
import type { DecisionCall } from "../recording.ts";
import { Choice } from "./choice.ts";
import { problemIn, type Exchange, type Reply, type Sending } from "./http.ts";
import { send, troubleIn } from "./roads.ts";
import { pause } from "./pause.ts";
import { keepGoing, type Surroundings } from "./surroundings.ts";

/** Which decision is open: the clients share it, so that they contend. */
export class Agenda {
  #asked = 0;

  next(): string {
    this.#asked += 1;
    return `d${Math.floor(this.#asked / callsOfDecision)}`;
  }
}

const callsOfDecision = 12;
const attemptsUnderOneKey = 6;
const pauseBetweenAttemptsMs = 150;
const meanPauseMs = 120;

export class DecisionClient {
  readonly #name: string;
  readonly #random: Random;
  readonly #around: Surroundings;
  readonly #agenda: Agenda;
  readonly #choice: Choice;
  #proposed = 0;

  constructor(name: string, random: Random, around: Surroundings, agenda: Agenda) {
    this.#name = name;
    this.#random = random;
    this.#around = around;
    this.#agenda = agenda;
    this.#choice = new Choice(random, [...around.gateways.keys()]);
  }

  async run(): Promise<void> {
    await keepGoing(this.#around, this.#random, async () => this.#act(this.#agenda.next()), meanPauseMs);
  }

  async #act(id: string): Promise<void> {
    const draw = this.#random.next();
    if (draw < 0.3) return this.#ask(id);
    this.#proposed += 1;
    const value = `${this.#name}:${this.#proposed}`;
    return this.#propose(id, value, draw < 0.6 ? randomIdentity(this.#random) : null);
  }

  async #ask(id: string): Promise<void> {
    const { reply, ...times } = await this.#send(id, {});
    this.#keep("GET decision", { client: this.#name, id, proposed: null, ...times, told: this.#conclude(id, reply) });
  }

  async #propose(id: string, value: string, idempotencyKey: string | null): Promise<void> {
    const headers: Record<string, string> = idempotencyKey === null ? {} : { "idempotency-key": idempotencyKey };
    const attempts = idempotencyKey === null ? 1 : attemptsUnderOneKey;
    let inDoubt = false;
    for (let sent = 1, calledAt = Infinity; ; sent += 1) {
      const { reply, ...times } = await this.#send(id, { method: "PUT", headers, body: value });
      calledAt = Math.min(calledAt, times.calledAt);
      const told = this.#conclude(id, reply);
      inDoubt ||= told.type === "unknown";
      if (told.type === "decided" || sent === attempts || this.#around.ending()) {
        const known = told.type === "not-applied" && inDoubt ? ({ type: "unknown" } as const) : told;
        const call = { client: this.#name, id, proposed: value, calledAt, returnedAt: times.returnedAt, told: known };
        this.#keep(`PUT decision${idempotencyKey === null ? "" : ", Idempotency-Key"}`, call);
        return;
      }
      await pause(pauseBetweenAttemptsMs);
    }
  }

  async #send(id: string, sending: Sending): Promise<Exchange> {
    return send({ ...this.#around, choice: this.#choice }, `/decisions/${id}`, sending);
  }

  #conclude(id: string, reply: Reply): DecisionCall["told"] {
    if (reply.type === "not-sent") return { type: "not-applied" };
    if (reply.type === "no-answer") return { type: "unknown" };
    const { answer } = reply;
    if (answer.status < 300) {
      const { value, yours = false } = JSON.parse(answer.body) as { readonly value: string; readonly yours?: boolean };
      return { type: "decided", value, yours };
    }
    if (answer.status === 404 && problemIn(answer).code === "decision-not-found") return { type: "nothing" };
    const { outcome } = troubleIn(this.#around, `decision ${id}`, answer);
    return { type: outcome === "not-applied" ? "not-applied" : "unknown" };
  }

  #keep(what: string, call: DecisionCall): void {
    this.#around.recording.decisions.push(call);
    this.#around.recording.count(what, call.told.type);
  }
}
