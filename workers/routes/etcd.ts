/**
 * The door for etcd's clients: `POST /v3/...`, the JSON gateway of etcd 3.4, and `GET /version` and `/health`. Answers in
 * etcd's words, its errors included, whatever goes wrong. What is not supported is said so (501).
 */
import type { Context } from "hono";
import { utf8 } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import { auth } from "../etcd/auth.ts";
import type { Call } from "../etcd/calls.ts";
import { campaign, leader, proclaim, resign } from "../etcd/election.ts";
import { EtcdError, failing } from "../etcd/errors.ts";
import { firstValue } from "../etcd/json.ts";
import { keepAliveStream } from "../etcd/keep-alive-stream.ts";
import { compact, deleteRange, put, range, txn } from "../etcd/kv.ts";
import { grant, leases, revoke, timeToLive } from "../etcd/lease.ts";
import { lock, unlock } from "../etcd/lock.ts";
import { alarm, hash, isHealthy, members, status, versions } from "../etcd/maintenance.ts";
import { Message } from "../etcd/message.ts";
import { observe } from "../etcd/observe.ts";
import { patiently } from "../etcd/patient.ts";
import { watch } from "../etcd/watch-stream.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import { refuseCompressed } from "../gateway/bodies.ts";
import type { App } from "../gateway/methods.ts";

type Door = Context<GatewayEnv>;
/** One message, one answer; a stream answers as it goes. */
type Unary = (call: Call, request: Message) => Promise<object | Response>;
/** Messages in a body that may stay open. */
type Streaming = (call: Call, body: ReadableStream<Uint8Array> | null) => Promise<Response>;

const unsupported = (what: string): Unary => {
  return async () => {
    throw failing.unsupported(what);
  };
};
const nothingToDo: Unary = async () => ({});

const unary: Readonly<Record<string, Unary>> = {
  "kv/range": range,
  "kv/put": put,
  "kv/deleterange": deleteRange,
  "kv/txn": txn,
  "kv/compaction": compact,
  "lease/grant": grant,
  "lease/revoke": revoke,
  "lease/timetolive": timeToLive,
  "lease/leases": leases,
  "kv/lease/revoke": revoke,
  "kv/lease/timetolive": timeToLive,
  "kv/lease/leases": leases,
  "lock/lock": async (call, request) => patiently(call, async (patient) => lock(patient, request)),
  "lock/unlock": unlock,
  "election/campaign": async (call, request) => patiently(call, async (patient) => campaign(patient, request)),
  "election/proclaim": proclaim,
  "election/leader": leader,
  "election/observe": observe,
  "election/resign": resign,
  "maintenance/status": status,
  "maintenance/hash": hash,
  "maintenance/alarm": alarm,
  "maintenance/defragment": nothingToDo,
  "maintenance/snapshot": unsupported("snapshots of the store"),
  "maintenance/transfer-leadership": unsupported("moving the leader"),
  "cluster/member/list": members,
  "cluster/member/add": unsupported("changing the members"),
  "cluster/member/remove": unsupported("changing the members"),
  "cluster/member/update": unsupported("changing the members"),
  "cluster/member/promote": unsupported("changing the members"),
  ...Object.fromEntries(Object.entries(auth).map(([name, answer]) => [`auth/${name}`, answer])),
};

const streaming: Readonly<Record<string, Streaming>> = { watch, "lease/keepalive": keepAliveStream };

const isOf = (path: string): boolean => path === "/v3" || path.startsWith("/v3/");

/** Whether what went wrong there is to be told in etcd's words. */
export const isEtcdPath = (path: string): boolean => isOf(path) || path === "/version" || path === "/health";

export function addEtcdRoutes(app: App): void {
  for (const [name, handler] of Object.entries(unary)) {
    app.post(`/v3/${name}`, async (context) => answerOnce(context, handler));
    app.all(`/v3/${name}`, notAllowed);
  }
  for (const [name, handler] of Object.entries(streaming)) {
    app.post(`/v3/${name}`, async (context) => handler(callOf(context, new Uint8Array(0)), context.req.raw.body));
    app.all(`/v3/${name}`, notAllowed);
  }
  app.all("/v3/*", () => text(404, "Not Found"));
  app.get("/version", () => Response.json(versions));
  app.get("/health", async ({ var: doors }) => {
    const healthy = await isHealthy({ visit: doors.visit });
    return Response.json({ health: String(healthy) }, { status: healthy ? 200 : 503 });
  });
  for (const path of ["/version", "/health"]) app.all(path, notAllowed);
}

const text = (code: number, said: string): Response =>
  new Response(`${said}\n`, { status: code, headers: { "content-type": "text/plain; charset=utf-8" } });

const notAllowed = (): Response => text(405, "Method Not Allowed");

function callOf({ req, var: doors }: Door, body: Uint8Array): Call {
  refuseStrangePages(req.raw, doors.visit.open);
  return { visit: doors.visit, headers: req.raw.headers, signal: req.raw.signal, path: req.path, url: req.url, body };
}

/**
 * Where no token is asked for, any page in a browser on this machine could write by a plain form: this door needs neither
 * a method nor a media type that browsers ask leave for. Clients that are no browsers send no `Origin`.
 */
function refuseStrangePages({ headers, url }: Request, open: boolean): void {
  const origin = headers.get("origin");
  if (open && origin !== null && origin !== new URL(url).origin) {
    throw new EtcdError(7, "etcdserver: permission denied: pages of other origins are not let in without a token");
  }
}

async function answerOnce(context: Door, handler: Unary): Promise<Response> {
  const { req } = context;
  refuseCompressed(req.raw);
  const { text, value } = await firstValue(req.raw.body, limits.etcdBodyBytes);
  const answer = await handler(callOf(context, utf8(text)), new Message(value));
  return answer instanceof Response ? answer : Response.json(answer, { headers: { "cache-control": "no-store" } });
}
