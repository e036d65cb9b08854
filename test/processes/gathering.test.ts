/**
 * Requests of many clients that travel to a replica together, on the real runtime: each is told its own answer, and those
 * whose companions hang up, the one that took them along included, are answered all the same.
 */
import { Agent, request } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { servedSynod } from "../support/served.ts";
import type { Served } from "../support/served.ts";

let synod: Served;

beforeAll(async () => {
  synod = await servedSynod();
});
afterAll(async () => synod.stop());

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** @param hangsUpAfterMs closes the connection then, and hears nothing. */
async function send(method: string, path: string, body?: string, hangsUpAfterMs?: number): Promise<Answer | null> {
  return new Promise((resolve, reject) => {
    const agent = new Agent();
    const outgoing = request(`${synod.url}${path}`, { method, agent }, (response) => {
      let text = "";
      response.on("data", (bytes: Buffer) => (text += bytes.toString()));
      response.on("end", () => {
        agent.destroy();
        resolve({ status: response.statusCode ?? 0, text });
      });
      response.on("error", () => resolve(null));
    });
    outgoing.on("error", (error) => (hangsUpAfterMs === undefined ? reject(error) : resolve(null)));
    outgoing.end(body);
    if (hangsUpAfterMs !== undefined) {
      setTimeout(() => {
        outgoing.destroy();
        agent.destroy();
        resolve(null);
      }, hangsUpAfterMs);
    }
  });
}

it("answers everybody who stays, and each with its own", async () => {
  const writes: Promise<void>[] = [];
  for (let round = 0; round < 8; round += 1) {
    for (let client = 0; client < 48; client += 1) {
      const key = `/kv/r${round}-c${client}`;
      const value = `${round}.${client}`;
      const hangsUp = client % 3 === round % 3;
      const work = async (): Promise<void> => {
        const written = await send("PUT", key, value, hangsUp ? (client * 7 + round) % 12 : undefined);
        if (hangsUp) return;
        expect(written?.status).toBe(201);
        expect(JSON.parse(written?.text ?? "")).toMatchObject({ key: `r${round}-c${client}`, version: 1 });
        const [read, local] = await Promise.all([send("GET", key), send("GET", `${key}?consistency=local`)]);
        expect(read).toEqual({ status: 200, text: value });
        expect(local?.status).toBe(200);
      };
      writes.push(work());
    }
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  await Promise.all(writes);
  // Nobody who hung up has left anything behind that would hold others up.
  const later = await Promise.all(Array.from({ length: 32 }, async (_, n) => send("PUT", `/kv/later-${n}`, "x")));
  expect(later.map((answer) => answer?.status)).toEqual(later.map(() => 201));
}, 60_000);
