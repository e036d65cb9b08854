/**
 * More WebSockets at a replica than are told within the turn that applied a write: they are told after its answer has left,
 * and what they are promised holds all the same.
 */
import { evictDurableObject } from "cloudflare:test";
import { afterEach, expect, it, vi } from "vitest";
import { limits } from "../../src/support/limits.ts";
import { freshNamespace, put } from "./api.ts";
import { replicaOf, Socket } from "./watching.ts";
import type { Message } from "./watching.ts";

const valuesIn = ({ events }: Message): readonly unknown[] => (events as readonly Message[]).map(({ value }) => value);

/** One more than are told at once. */
async function crowd(ns: string): Promise<readonly Socket[]> {
  const sockets: Socket[] = [];
  for (let n = 0; n <= limits.watchSocketsToldAtOnce; n += 1) sockets.push(await Socket.open(ns, "?key=a"));
  return sockets;
}

afterEach(() => void vi.useRealTimers());

it("[N1] [N2] tells each of many every write, one after the other, and each once", async () => {
  const ns = freshNamespace();
  const sockets = await crowd(ns);
  for (const value of ["1", "2", "3"]) {
    await put(`${ns}/kv/a`, value);
    for (const socket of sockets) expect(valuesIn(await socket.events())).toEqual([value]);
  }
  for (const socket of sockets) expect(await socket.progress()).toMatchObject({ type: "progress", next: "5" });
});

it("[N1] [N3] tells nobody again what it had told before it slept, acknowledged or not", async () => {
  const ns = freshNamespace();
  const sockets = await crowd(ns);
  await put(`${ns}/kv/a`, "1");
  for (const socket of sockets) expect(valuesIn(await socket.next())).toEqual(["1"]);
  await evictDurableObject(replicaOf(ns));
  await put(`${ns}/kv/a`, "2");
  for (const socket of sockets) expect(valuesIn(await socket.next())).toEqual(["2"]);
});

it("[N4] says how far it has told only after it has, though that still waits for its timer", async () => {
  const ns = freshNamespace();
  const sockets = await crowd(ns);
  const last = sockets.at(-1) as Socket;
  // Nobody is told by a timer from here on.
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  await put(`${ns}/kv/a`, "1");
  expect(await last.progress()).toMatchObject({ type: "events", next: "3" });
  expect(await last.next()).toMatchObject({ type: "progress", revision: 2, next: "3", confirmed: true });
});
