/**
 * The watch fan-out: one writer, very many streams over HTTP in this process, spread over all gateways. The same client
 * for both; it looks for whole lines that tell of a change, and counts.
 */
import { once } from "node:events";
import { Agent, request, type ClientRequest, type IncomingMessage } from "node:http";
import { base64, valueOf } from "./loads.ts";
import type { Resources } from "./resources.ts";
import type { Language, System } from "./system.ts";

const key = "fan-out";
/** How many streams are opened at once. */
const opening = 50;
const patienceMs = 30_000;

const languages: Readonly<
  Record<Language, { readonly ready: string; readonly event: string; readonly watch: readonly string[] }>
> = {
  synod: { ready: "event: ready", event: '"modRevision"', watch: ["GET", `/watch?key=${key}`, ""] },
  etcd: {
    ready: '"created":true',
    event: '"mod_revision"',
    watch: ["POST", "/v3/watch", JSON.stringify({ create_request: { key: base64(key) } })],
  },
};

/** The streams on one system. */
export class Watchers {
  readonly #system: System;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  readonly #streams: ClientRequest[] = [];
  #ready = 0;
  #told = 0;
  #lastAt = 0;
  #awaited = Infinity;
  #reached: (() => void) | undefined;
  #broken: string | undefined;

  static async open(resources: Resources, system: System, count: number): Promise<Watchers> {
    const watchers = new Watchers(system);
    resources.add(() => watchers.#close());
    await watchers.write(0);
    for (let index = 0; index < count; index += 1) {
      watchers.#open(system.gateways[index % system.gateways.length] ?? "");
      if ((index + 1) % opening === 0 || index + 1 === count) {
        await watchers.#until(() => watchers.#ready === index + 1);
      }
    }
    watchers.#told = 0;
    return watchers;
  }

  private constructor(system: System) {
    this.#system = system;
  }

  get count(): number {
    return this.#streams.length;
  }

  /** Through one gateway; settles when it is acknowledged. */
  async write(turn: number): Promise<void> {
    const { gateways, language } = this.#system;
    const gateway = gateways[turn % gateways.length] ?? "";
    const [method, path, body] =
      language === "synod"
        ? ["PUT", `/kv/${key}`, valueOf(key)]
        : ["POST", "/v3/kv/put", JSON.stringify({ key: base64(key), value: base64(valueOf(key)) })];
    const outgoing = request(gateway + path, { method, agent: this.#agent });
    outgoing.end(body);
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    response.resume();
    await once(response, "end");
    if ((response.statusCode ?? 500) >= 300) throw new Error(`the write was answered ${response.statusCode}`);
  }

  /** @returns ms from sending a write until the last watcher was told of it. */
  async tellAll(turn: number): Promise<number> {
    const sent = performance.now();
    const told = this.#allTold(1);
    await this.write(turn);
    await told;
    return this.#lastAt - sent;
  }

  /** Writes one after the other, each when the last was acknowledged. @returns events told a second. */
  async flood(writes: number, turn: number): Promise<number> {
    const begun = performance.now();
    const told = this.#allTold(writes);
    for (let count = 0; count < writes; count += 1) await this.write(turn);
    await told;
    return (this.count * writes * 1_000) / (this.#lastAt - begun);
  }

  async #allTold(writes: number): Promise<void> {
    this.#told = 0;
    this.#awaited = writes * this.count;
    const reached = new Promise<void>((resolve) => (this.#reached = resolve));
    const late = AbortSignal.timeout(patienceMs);
    const failed = once(late, "abort").then(() => {
      if (this.#told < this.#awaited)
        throw new Error(`${this.#told} of ${this.#awaited} events; ${this.#broken ?? "late"}`);
    });
    await Promise.race([reached, failed]);
    failed.catch(() => undefined);
    if (this.#told !== this.#awaited) throw new Error(`told of ${this.#told} events, of ${this.#awaited}`);
  }

  #open(gateway: string): void {
    const { ready, event, watch } = languages[this.#system.language];
    const [method = "GET", path = "", body = ""] = watch;
    const stream = request(gateway + path, { method, agent: this.#agent });
    stream.on("error", (error) => (this.#broken = error.message));
    stream.on("response", (response) => {
      let rest = "";
      response.setEncoding("utf8");
      response.on("error", (error) => (this.#broken = error.message));
      response.on("data", (text: string) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          if (line.includes(ready)) this.#ready += 1;
          else if (line.includes(event)) this.#count(line.split(event).length - 1);
        }
      });
    });
    stream.end(body);
    this.#streams.push(stream);
  }

  #count(events: number): void {
    this.#told += events;
    if (this.#told < this.#awaited) return;
    this.#lastAt = performance.now();
    this.#reached?.();
  }

  async #until(reached: () => boolean): Promise<void> {
    const end = performance.now() + patienceMs;
    while (!reached()) {
      if (performance.now() > end) throw new Error(`the watchers do not begin: ${this.#broken ?? "late"}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  #close(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#agent.destroy();
  }
}
