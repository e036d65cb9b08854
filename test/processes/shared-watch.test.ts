/**
 * Streams of many clients that share their gateway's questions, on the real runtime: whoever hangs up, reads slowly or
 * begins in the past, each of those who stay is told every change, once and in order.
 */
import { Agent, request, type ClientRequest, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { servedSynod } from "../support/served.ts";
import type { Served } from "../support/served.ts";
import { eventually } from "./support/gateway.ts";

let synod: Served;

beforeAll(async () => {
  synod = await servedSynod();
});
afterAll(async () => synod.stop());

interface Shown {
  readonly key: string;
  readonly modRevision: number;
}

/** A client of its own connection, that remembers what it was told. */
class Watcher {
  readonly #agent = new Agent();
  readonly #outgoing: ClientRequest;
  #response: IncomingMessage | null = null;
  #rest = "";
  ready = false;
  readonly told: Shown[] = [];

  constructor(query: string) {
    this.#outgoing = request(`${synod.url}/watch?${query}`, { agent: this.#agent }, (response) => {
      this.#response = response;
      response.setEncoding("utf8");
      response.on("error", () => undefined);
      response.on("data", (text: string) => this.#take(text));
    });
    this.#outgoing.on("error", () => undefined);
    this.#outgoing.end();
  }

  #take(text: string): void {
    const frames = (this.#rest + text).split("\n\n");
    this.#rest = frames.pop() ?? "";
    for (const frame of frames) {
      const [, event = ""] = /^event: (\w+)$/m.exec(frame) ?? [];
      const [, data = "{}"] = /^data: (.*)$/m.exec(frame) ?? [];
      if (event === "ready") this.ready = true;
      else if (event === "changes") this.told.push(...(JSON.parse(data) as { events: Shown[] }).events);
    }
  }

  pause(): void {
    this.#response?.pause();
  }

  resume(): void {
    this.#response?.resume();
  }

  hangUp(): void {
    this.#outgoing.destroy();
    this.#agent.destroy();
  }
}

async function put(key: string): Promise<number> {
  const answer = await fetch(`${synod.url}/kv/${key}`, { method: "PUT", body: "x".repeat(200) });
  expect(answer.status).toBeLessThan(300);
  return ((await answer.json()) as { revision: number }).revision;
}

async function opened(count: number, query: string): Promise<Watcher[]> {
  const watchers = Array.from({ length: count }, () => new Watcher(query));
  await eventually("the streams begin", async () =>
    Promise.resolve(watchers.every(({ ready }) => ready) ? true : null),
  );
  return watchers;
}

const revisionsOf = ({ told }: Watcher): readonly number[] => told.map(({ modRevision }) => modRevision);

async function allTold(watchers: readonly Watcher[], expected: readonly number[]): Promise<void> {
  const last = expected.at(-1);
  await eventually("all are told", async () =>
    Promise.resolve(watchers.every(({ told }) => told.at(-1)?.modRevision === last) ? true : null),
  );
  for (const watcher of watchers) expect(revisionsOf(watcher)).toEqual(expected);
}

it("[N1] [N2] [N3] tells all who stay of everything, once and in order", async () => {
  const begun = await put("shared/before");
  const all = await opened(30, "prefix=shared/");
  const written: number[] = [];
  const staying = new Set(all);
  const later: { readonly watcher: Watcher; readonly from: number }[] = [];
  for (let round = 0; round < 20; round += 1) {
    const watchers = [...staying];
    // Among them is whoever asked on behalf of the others: the first to begin, or the first that was told.
    if (round % 2 === 0 && watchers.length > 12) {
      const leaving = watchers[round % 4 === 0 ? 0 : round % watchers.length];
      if (leaving !== undefined) {
        staying.delete(leaving);
        leaving.hangUp();
      }
    }
    if (round % 5 === 1) watchers.at(-1)?.pause();
    if (round % 5 === 4) watchers.at(-1)?.resume();
    // Some writes follow each other at once, and some are elsewhere.
    for (let i = 0; i <= round % 3; i += 1) written.push(await put(`shared/${i}`));
    await put("elsewhere");
    if (round % 4 === 3) {
      const from = written[Math.max(0, written.length - 3)] ?? begun;
      later.push({ watcher: new Watcher(`prefix=shared/&revision=${from}`), from });
    }
  }
  for (const watcher of staying) watcher.resume();
  await allTold([...staying], written);
  for (const { watcher, from } of later) {
    await allTold(
      [watcher],
      written.filter((at) => at >= from),
    );
  }
  const ends = [...staying, ...later.map(({ watcher }) => watcher)];
  for (const watcher of ends) watcher.hangUp();
}, 120_000);

it("[N2] tells the others when whoever asked for them hangs up while all wait", async () => {
  const [asks, ...others] = await opened(10, "key=quiet");
  // Their questions are under way.
  for (let i = 0; i < 3; i += 1) await put("elsewhere");
  asks?.hangUp();
  for (let i = 0; i < 3; i += 1) await put("elsewhere");
  await allTold(others, [await put("quiet")]);
  for (const watcher of others) watcher.hangUp();
}, 120_000);
