/**
 * The deployed Worker, counted: the same gateway and the same objects, whose every call, statement and alarm is added up
 * on the way. Started by `bench/cost/counted.ts` in place of the deployed entry, with all regions in one process. Changes
 * nothing of what they do; only the clock can be put forward, so that history grows old in an afternoon.
 */
import worker, { Acceptor as A, Checker as Ch, Clock as C, Door, Replica as R } from "../../../workers/gateway.ts";
import type { ObjectAddress } from "../../../workers/adapters/port.ts";
import type { Bindings } from "../../../workers/bindings.ts";
import { configOf } from "../../../workers/config.ts";
import { called, read, wrote } from "../counts.ts";
import type { Reading, Weighed } from "../counts.ts";

const counts: Record<string, number> = {};
const add = (what: string, by = 1): void => void (counts[what] = (counts[what] ?? 0) + by);

// --- timers and the clock, of all objects of this process ---

const timers = new Set<unknown>();
const [setLater, clear, now] = [globalThis.setTimeout, globalThis.clearTimeout, Date.now];
let aheadMs = 0;
Date.now = () => now() + aheadMs;
globalThis.setTimeout = ((work: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
  const timer = setLater(() => {
    timers.delete(timer);
    work(...args);
  }, ms);
  timers.add(timer);
  return timer;
}) as typeof setTimeout;
globalThis.clearTimeout = ((timer: number | null) => {
  timers.delete(timer);
  clear(timer);
}) as typeof clearTimeout;

// --- statements ---

const statements = new Map<string, readonly [verb: string, table: string]>();

function verbAndTable(statement: string): readonly [verb: string, table: string] {
  const known = statements.get(statement);
  if (known !== undefined) return known;
  const [verb = ""] = /^\s*\w+/.exec(statement) ?? [];
  const [, table = "?"] =
    /\b(?:INTO|UPDATE|FROM|TABLE(?: IF (?:NOT )?EXISTS)?)\s+"?(\w+)/i.exec(statement.replaceAll(/\s+/g, " ")) ?? [];
  const found = [verb.trim().toUpperCase(), table] as const;
  statements.set(statement, found);
  return found;
}

/** A cursor tells how many rows it has read and written once it has been read to its end. */
function countStorage(kind: string, { storage }: DurableObjectState): void {
  const { sql } = storage;
  const exec = sql.exec.bind(sql);
  const counted = (statement: string, ...bindings: unknown[]): { toArray: () => unknown[] } => {
    const cursor = exec(statement, ...bindings);
    const rows = cursor.toArray();
    const [verb, table] = verbAndTable(statement);
    if (cursor.rowsWritten > 0) add(wrote(kind, table, verb), cursor.rowsWritten);
    if (cursor.rowsRead > 0) add(read(kind), cursor.rowsRead);
    return { toArray: () => rows };
  };
  sql.exec = counted as unknown as SqlStorage["exec"];
  const [setAlarm, deleteAlarm] = [storage.setAlarm.bind(storage), storage.deleteAlarm.bind(storage)];
  storage.setAlarm = async (...asked) => {
    add(`alarm ${kind} set`);
    return setAlarm(...asked);
  };
  storage.deleteAlarm = async (...asked) => {
    add(`alarm ${kind} deleted`);
    return deleteAlarm(...asked);
  };
}

async function weigh(kind: Weighed["kind"], region: string, { storage }: DurableObjectState): Promise<Weighed> {
  return { kind, region, bytes: storage.sql.databaseSize, alarmAt: await storage.getAlarm() };
}

// --- the objects ---

export class Acceptor extends A {
  constructor(ctx: DurableObjectState, env: Bindings) {
    countStorage("acceptor", ctx);
    super(ctx, env);
  }
  override receive(address: ObjectAddress, message: string): string {
    add(called("acceptor", "receive"));
    return super.receive(address, message);
  }
  override async status(address: ObjectAddress): Promise<string> {
    add(called("acceptor", "status"));
    return super.status(address);
  }
  async weigh(region: string): Promise<Weighed> {
    return weigh("acceptor", region, this.ctx);
  }
}

export class Replica extends R {
  constructor(ctx: DurableObjectState, env: Bindings) {
    countStorage("replica", ctx);
    super(ctx, env);
  }
  override async fromClient(address: ObjectAddress, message: string): Promise<string> {
    add(called("replica", "client"));
    return super.fromClient(address, message);
  }
  override async fromPeer(address: ObjectAddress, message: string): Promise<string> {
    const [, type = "peer"] = /"request":\{"type":"([\w-]+)"/.exec(message.slice(0, 400)) ?? [];
    add(called("replica", type));
    return super.fromPeer(address, message);
  }
  override async place(): Promise<string> {
    add(called("replica", "place"));
    return super.place();
  }
  override fetch(request: Request): Response {
    add(called("replica", "watch"));
    return super.fetch(request);
  }
  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    add("message replica");
    return super.webSocketMessage(socket, message);
  }
  override async alarm(): Promise<void> {
    add(called("replica", "alarm"));
    return super.alarm();
  }
  async weigh(region: string): Promise<Weighed> {
    return weigh("replica", region, this.ctx);
  }
}

export class Clock extends C {
  override read(address: ObjectAddress): string {
    add(called("clock", "read"));
    return super.read(address);
  }
}

export class Checker extends Ch {
  constructor(ctx: DurableObjectState, env: Bindings) {
    countStorage("checker", ctx);
    super(ctx, env);
  }
  override async arm(address: ObjectAddress, payload: string): Promise<string> {
    add(called("checker", "arm"));
    return super.arm(address, payload);
  }
  override async status(address: ObjectAddress): Promise<string> {
    add(called("checker", "status"));
    return super.status(address);
  }
  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    add(called("checker", "alarm"));
    return super.alarm(info);
  }
}

export { Door };

// --- the Worker ---

/** The methods of this file's own on a stub. */
interface Weighing {
  readonly weigh: (region: string) => Promise<Weighed>;
}

async function weighAll(env: Bindings, namespace: string): Promise<readonly Weighed[]> {
  const stubs = configOf(env).regions.flatMap((region) =>
    [env.ACCEPTOR, env.REPLICA].map((objects) => ({
      region,
      stub: objects.get(objects.idFromName(`${namespace}/${region}`)) as unknown as Weighing,
    })),
  );
  return Promise.all(stubs.map(async ({ region, stub }) => stub.weigh(region)));
}

export default {
  async fetch(request: Request, env: Bindings, context: ExecutionContext): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    switch (pathname) {
      case "/counted":
        return Response.json({ counts, timers: timers.size } satisfies Reading);
      case "/counted/weigh":
        return Response.json(await weighAll(env, searchParams.get("namespace") ?? "default"));
      case "/counted/forward":
        aheadMs += Number(searchParams.get("ms"));
        return Response.json({ aheadMs });
      default:
        add("worker");
        return worker.fetch(request, env, context);
    }
  },
};
