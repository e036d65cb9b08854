/** What objects answer on their plain JSON ports: places, clocks, an acceptor's and a Checker's standing. Foreign input all the same. */
import * as v from "valibot";
import { limits } from "../../src/support/limits.ts";
import { parseJson } from "../../src/store/json-shape.ts";
import type { ClientReply } from "../../src/replica/messages.ts";
import { decodeClientReply, encodeClientRequest } from "../../src/wire/client-codec.ts";
import type { Port } from "../adapters/port.ts";
import type { Visit } from "./visit.ts";

const place = v.object({ dataCentre: v.string() });
const clock = v.object({ region: v.string(), dataCentre: v.string(), t2: v.number(), t3: v.number() });
const acceptor = v.object({
  dataCentre: v.string(),
  identity: v.looseObject({ type: v.picklist(["empty", "minted", "enrolled", "retired"]) }),
  counter: v.number(),
  promised: v.nullable(v.object({ round: v.number(), proposer: v.string(), incarnation: v.string() })),
  floor: v.number(),
  highest: v.number(),
});

const checker = v.object({
  alarmAt: v.nullable(v.number()),
  checks: v.nullable(v.number()),
  unserved: v.nullable(v.number()),
});

export type AcceptorStanding = v.InferOutput<typeof acceptor>;

async function ask<T>(
  visit: Visit,
  port: Port,
  region: string,
  schema: v.GenericSchema<unknown, T>,
): Promise<T | null> {
  const text = await visit.transport.call(port, visit.address(region), "", limits.statusMs);
  const read = v.safeParse(schema, text === null ? undefined : parseJson(text));
  return read.success ? read.output : null;
}

export const acceptorStanding = async (visit: Visit, region: string): Promise<AcceptorStanding | null> =>
  ask(visit, "acceptor-status", region, acceptor);

export const replicaPlace = async (visit: Visit, region: string): Promise<string | null> =>
  (await ask(visit, "replica-place", region, place))?.dataCentre ?? null;

export async function replicaStatus(visit: Visit, region: string, digest: boolean) {
  const message = encodeClientRequest({ type: "status", digest });
  const text = await visit.transport.call("client", visit.address(region), message, limits.statusMs);
  const decoded = text === null ? null : decodeClientReply(text);
  const reply: ClientReply | null = decoded?.ok === true ? decoded.body : null;
  return reply?.type === "status" ? reply.status : null;
}

export const checkerStatus = async (visit: Visit, region: string): Promise<v.InferOutput<typeof checker> | null> =>
  ask(visit, "checker-status", region, checker);

/** One exchange with a region's clock: its stamps, and this gateway's own around them. */
export interface ClockReading {
  readonly dataCentre: string;
  readonly t1: number;
  readonly t2: number;
  readonly t3: number;
  readonly t4: number;
}

export async function readClock(visit: Visit, region: string): Promise<ClockReading | null> {
  const t1 = visit.now();
  const read = await ask(visit, "clock", region, clock);
  const t4 = visit.now();
  return read === null ? null : { dataCentre: read.dataCentre, t1, t2: read.t2, t3: read.t3, t4 };
}
