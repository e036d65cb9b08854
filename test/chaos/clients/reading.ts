/** One read as its reader sees it: a single key, or a whole group of them as one listing; null when nobody could answer. */
import type { Consistency, Found, ReadCall } from "../recording.ts";
import { ageIn, problemIn, revisionIn, taggedRevision, type Answer } from "./http.ts";
import type { Group } from "./key-pool.ts";
import { send, troubleIn, type Roads } from "./roads.ts";

export interface Level {
  readonly consistency: Consistency;
  readonly atLeast: number | null;
}

type Seen = Omit<ReadCall, "client" | "listing" | "shown">;

export async function readKey(roads: Roads, client: string, key: string, level: Level): Promise<ReadCall | null> {
  const asked = await ask(roads, `/kv/${key}?${parameters(level)}`, level);
  if (asked === null) return null;
  const { answer, seen } = asked;
  const modRevision = taggedRevision(answer);
  const found: Found | null =
    answer.status === 404 || modRevision === null ? null : { value: answer.body, modRevision, version: null };
  return { client, ...seen, listing: false, shown: [{ key, found }] };
}

interface Page {
  readonly keys: readonly (Found & { readonly key: string })[];
  readonly revision: number;
}

export async function readGroup(
  roads: Roads,
  client: string,
  { prefix, keys }: Group,
  level: Level,
): Promise<ReadCall | null> {
  const asked = await ask(roads, `/kv?prefix=${encodeURIComponent(prefix)}&${parameters(level)}`, level);
  if (asked === null) return null;
  const { answer, seen } = asked;
  const page = JSON.parse(answer.body) as Page;
  const found = new Map(
    page.keys.map(({ key, value, modRevision, version }) => [key, { value, modRevision, version }]),
  );
  for (const key of found.keys()) {
    if (!keys.includes(key)) roads.recording.surprises.push(`a listing of ${prefix} holds ${key}, which nobody wrote`);
  }
  const shown = keys.map((key) => ({ key, found: found.get(key) ?? null }));
  return { client, ...seen, listing: true, shown };
}

const parameters = ({ consistency, atLeast }: Level): string =>
  `consistency=${consistency}${atLeast === null ? "" : `&at-least=${atLeast}`}`;

async function ask(
  roads: Roads,
  path: string,
  { consistency, atLeast }: Level,
): Promise<{ readonly answer: Answer; readonly seen: Seen } | null> {
  const { reply, calledAt, returnedAt } = await send(roads, path);
  if (reply.type !== "answered") return null;
  const { answer } = reply;
  const absent = answer.status === 404 && problemIn(answer).code === "key-not-found";
  if (answer.status !== 200 && !absent) {
    troubleIn(roads, `GET ${path}`, answer);
    return null;
  }
  const servedBy = answer.headers.get("synod-region") ?? "nobody";
  const seen = {
    calledAt,
    returnedAt,
    consistency,
    atLeast,
    revision: revisionIn(answer),
    ageMs: ageIn(answer),
    servedBy,
  };
  return { answer, seen };
}
