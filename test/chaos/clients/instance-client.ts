/**
 * A service's instance that renews well within its time to live, looks itself and the others up, and after a while falls
 * silent for ever, to be followed by another one.
 */
import { integerBetween, type Random } from "../../../src/support/random.ts";
import { Choice } from "./choice.ts";
import type { Exchange, Sending } from "./http.ts";
import { send, troubleIn } from "./roads.ts";
import { keepGoing, type Surroundings } from "./surroundings.ts";

export const service = "chaos";

const ttlMs = 5_000;
/** Renewed after so long, at the latest: what remains is for retries. */
const renewSoonestMs = 800;
const renewLatestMs = 3_000;
const patienceMs = 1_500;
const meanPauseMs = 250;
const shortestLifeMs = 5_000;
const longestLifeMs = 25_000;

export class InstanceClient {
  readonly #name: string;
  readonly #random: Random;
  readonly #around: Surroundings;
  readonly #choice: Choice;
  #lives = 0;
  #silentFrom = 0;
  #renewNext = 0;

  constructor(name: string, random: Random, around: Surroundings) {
    this.#name = name;
    this.#random = random;
    this.#around = around;
    this.#choice = new Choice(random, [...around.gateways.keys()]);
  }

  async run(): Promise<void> {
    await keepGoing(this.#around, this.#random, async () => this.#act(performance.now()), meanPauseMs);
  }

  async #act(now: number): Promise<void> {
    if (now >= this.#silentFrom) {
      this.#lives += 1;
      this.#silentFrom = now + integerBetween(this.#random, shortestLifeMs, longestLifeMs);
      this.#renewNext = now;
    }
    if (now >= this.#renewNext) await this.#renew(`${this.#name}-${this.#lives}`);
    else await this.#lookUp();
  }

  async #renew(instance: string): Promise<void> {
    const { recording } = this.#around;
    const { reply, calledAt, returnedAt } = await this.#send(`/${instance}`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ address: "127.0.0.1", port: 80, ttl: ttlMs / 1_000, region: "wnam" }),
      patienceMs,
    });
    if (reply.type === "answered" && reply.answer.status < 300) {
      recording.count("PUT instance", "acknowledged");
      recording.renewals.push({ client: this.#name, instance, ttlMs, calledAt, returnedAt });
      this.#renewNext = calledAt + integerBetween(this.#random, renewSoonestMs, renewLatestMs);
      return;
    }
    // It is due again at once.
    const problem = reply.type === "answered" ? troubleIn(this.#around, `PUT ${instance}`, reply.answer) : null;
    recording.count("PUT instance", reply.type === "not-sent" ? "not-applied" : (problem?.outcome ?? "unknown"));
  }

  async #lookUp(): Promise<void> {
    const { recording } = this.#around;
    const { reply, calledAt, returnedAt } = await this.#send("");
    if (reply.type === "answered" && reply.answer.status === 200) {
      const said = JSON.parse(reply.answer.body) as { readonly instances: readonly { readonly instance: string }[] };
      const instances = said.instances.map(({ instance }) => instance);
      recording.count("GET service", "answered");
      recording.lookups.push({ client: this.#name, instances, calledAt, returnedAt });
      return;
    }
    if (reply.type === "answered") troubleIn(this.#around, `GET /services/${service}`, reply.answer);
    recording.count("GET service", "no answer");
  }

  async #send(path: string, sending?: Sending): Promise<Exchange> {
    return send({ ...this.#around, choice: this.#choice }, `/services/${service}${path}`, sending);
  }
}
