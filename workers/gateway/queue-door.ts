/**
 * What the doors to locks and to elections share: a queue and a token from the path as it was sent, requests as they are
 * remembered, taking a place with patience, and giving one back. The words of each door are its own.
 */
import type { Context } from "hono";
import type { ByteString, Revision } from "../../src/support/brand.ts";
import { placeKey } from "../../src/store/queues.ts";
import type { GatewayEnv } from "./arrival.ts";
import { bytesMember } from "./bytes-member.ts";
import { refuseConditions } from "./conditions.ts";
import { handedOver } from "./handover.ts";
import { lockNameIn, tokenIn } from "./names.ts";
import type { Problem } from "./problems.ts";
import { Query } from "./query.ts";
import { acquire, placesOf } from "./queues.ts";
import type { Place, Queue } from "./queues.ts";
import { consistencyIn, consistencyParameters } from "./reads.ts";
import { write } from "./writes.ts";

export type Door = Context<GatewayEnv>;

/** The queues that one door leads to. */
export interface Queues {
  readonly kind: Queue["kind"];
  readonly prefixOf: (name: Uint8Array) => ByteString;
}

/** From the path as it was sent: names are bytes. */
export function queueIn({ req }: Door, { kind, prefixOf }: Queues): Queue {
  const name = lockNameIn(req.path.split("/")[2] ?? "");
  return { kind, name, prefix: prefixOf(name) };
}

export const tokenOf = ({ req }: Door): Revision => tokenIn(req.path.split("/")[3] ?? "");

export const shownName = ({ name }: Queue) => bytesMember("name", "nameEncoding", name);

/** The same for every spelling of one name. */
const canonicalPath = ({ kind, prefix }: Queue, token?: Revision): string => `/${kind}s/${prefix}${token ?? ""}`;

const nothing = new Uint8Array(0);

/** What was asked, for a second time to be known as such. */
export const askedOf = (method: string, queue: Queue, token?: Revision, body: Uint8Array<ArrayBuffer> = nothing) => ({
  method,
  path: canonicalPath(queue, token),
  condition: "always",
  body,
});

/** A request that says all it has to say in its path and its body. */
export function plain({ req }: Door): Headers {
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  return req.raw.headers;
}

export interface Taking {
  readonly queue: Queue;
  /** The body as it was sent. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** In seconds, as is `wait`. */
  readonly ttl: number;
  readonly wait: number;
  readonly owner: string | null;
  readonly value: Uint8Array | null;
  /** What the answer says of the place, besides name, token and ttl. */
  readonly shown: object;
  /** Somebody else is first, or was for as long as there was patience. */
  readonly taken: (first: Place | null) => Problem;
}

/** @throws {Problem} what `taken` says. */
export async function take(context: Door, taking: Taking): Promise<Response> {
  const { req, var: doors } = context;
  const { visit } = doors;
  const { headers, signal } = req.raw;
  const { queue, ttl, wait, owner, value } = taking;
  const asked = askedOf("POST", queue, undefined, taking.body);
  const place = { ttlMs: ttl * 1000, owner, value };
  const acquiring = acquire(visit, { queue, value: place, waitMs: wait * 1000, asked, headers, signal });
  // Should the client hang up, its place is still to be given up.
  visit.afterwards(acquiring.catch(() => undefined));
  const acquired = await acquiring;
  if (acquired.type === "taken") throw taking.taken(acquired.first);
  const { token, headers: said, leave } = acquired;
  const shown = { ...shownName(queue), token, ttl, ...taking.shown };
  return leave === null ? context.json(shown, 201, said) : handedOver(visit, signal, shown, said, leave);
}

/** The places of a queue, as fresh as the request asks for. */
export async function placesAsked({ req, var: doors }: Door, queue: Queue, limit?: number) {
  const consistency = consistencyIn(new Query(req.url, consistencyParameters));
  return placesOf(doors.visit, consistency, queue, limit);
}

/** @param word what it is called to have given a place back. */
export async function leave(context: Door, queue: Queue, word: string): Promise<Response> {
  const headers = plain(context);
  const token = tokenOf(context);
  const operation = { type: "delete", key: placeKey(queue.prefix, token), condition: { type: "always" } } as const;
  const { visit } = context.var;
  const done = await write(visit, headers, askedOf("DELETE", queue, token), operation, "deleted");
  return context.json({ ...shownName(queue), token, [word]: done.outcome.existed }, 200, done.headers);
}
