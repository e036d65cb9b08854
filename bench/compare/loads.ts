/**
 * The loads, as requests ready to be sent: the same keys, values and order for everybody, only the language differs. Pure.
 * What is not said in a request cannot make a difference: no header that the server does not need.
 */
import type { Language } from "./system.ts";

export const keyCount = 1_000;
export const valueBytes = 100;
export const putsPerRequest = 100;
/** One request in so many of the mixed load is a put. */
const mixedEvery = 10;
/** Consecutive keys are far from each other, and all are used in turn: the two have no common divisor. */
const stride = 7;

export const loads = {
  puts: "puts",
  linearizable: "linearizable gets",
  local: "local gets",
  mixed: "90 % linearizable gets, 10 % puts",
  batch: `${putsPerRequest} puts a request`,
  pipeline: "puts through a pipeline",
} as const;

export type Load = keyof typeof loads;

/** How many operations one request carries. */
export const operationsPerRequest = (load: Load): number => (load === "batch" ? putsPerRequest : 1);

export function requestsOf(load: Exclude<Load, "pipeline">, language: Language): readonly string[] {
  const count = load === "batch" ? keyCount / putsPerRequest : keyCount;
  return Array.from({ length: count }, (_, index) => requestOf(load, language, index));
}

function requestOf(load: Exclude<Load, "pipeline">, language: Language, index: number): string {
  const key = keyOf((index * stride) % keyCount);
  if (load === "batch") return batch(language, index * putsPerRequest);
  if (load === "puts" || (load === "mixed" && index % mixedEvery === 0)) return put(language, key);
  return get(language, key, load === "local");
}

export const keyOf = (index: number): string => `bench-${String(index).padStart(6, "0")}`;
export const valueOf = (key: string): string => key.padEnd(valueBytes, ".");
export const base64 = (text: string): string => Buffer.from(text).toString("base64");

const etcdPut = (key: string): object => ({ key: base64(key), value: base64(valueOf(key)) });

function put(language: Language, key: string): string {
  if (language === "synod") return http("PUT", `/kv/${key}`, valueOf(key));
  return http("POST", "/v3/kv/put", JSON.stringify(etcdPut(key)));
}

function get(language: Language, key: string, local: boolean): string {
  if (language === "synod") return http("GET", `/kv/${key}${local ? "?consistency=local" : ""}`);
  const range = { key: base64(key), ...(local && { serializable: true }) };
  return http("POST", "/v3/kv/range", JSON.stringify(range));
}

function batch(language: Language, first: number): string {
  const keys = Array.from({ length: putsPerRequest }, (_, index) => keyOf((first + index) % keyCount));
  if (language === "synod") {
    const operations = keys.map((key) => ({ put: { key, value: valueOf(key) } }));
    return http("POST", "/batch", JSON.stringify({ operations }));
  }
  return http("POST", "/v3/kv/txn", JSON.stringify({ success: keys.map((key) => ({ request_put: etcdPut(key) })) }));
}

/** All of it is ASCII, so characters are bytes. */
function http(method: string, path: string, body?: string): string {
  const length = body === undefined ? "" : `Content-Length: ${body.length}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${length}\r\n${body ?? ""}`;
}
