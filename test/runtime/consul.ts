/** The Consul door as its clients see it, for tests in the runtime. */
import { expect } from "vitest";
import { get, send } from "./api.ts";

type Json = Readonly<Record<string, unknown>>;

export const putText = async (path: string, body = ""): Promise<Response> => send("PUT", path, { body });

/** What a successful call answered, as JSON. */
export async function consul<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
  const text = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
  const response = await send(method, path, text === undefined ? {} : { body: text });
  const said = await response.text();
  expect({ path, status: response.status, said }).toMatchObject({ status: 200 });
  return JSON.parse(said) as T;
}

/** An error: plain text, never JSON. */
export async function consulError(response: Response): Promise<readonly [status: number, text: string]> {
  expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  return [response.status, await response.text()];
}

export const indexOf = (response: Response): number => Number(response.headers.get("x-consul-index"));

/** One key as `/v1/kv` shows it. */
export async function pairAt(ns: string, key: string): Promise<Json> {
  const [pair] = await consul<readonly Json[]>("GET", `${ns}/v1/kv/${key}`);
  expect(pair).toBeDefined();
  return pair ?? {};
}

export async function newSession(ns: string, asked: object = {}): Promise<string> {
  return (await consul<{ ID: string }>("PUT", `${ns}/v1/session/create`, asked)).ID;
}

/** A blocking query that has been sent: the answer, once there is one. */
export function blocked(path: string): { readonly answer: Promise<Response>; readonly isOver: () => boolean } {
  let over = false;
  const answer = get(path).finally(() => {
    over = true;
  });
  return { answer, isOver: () => over };
}
