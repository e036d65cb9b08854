/**
 * Small requests of one isolate to one replica travel together: each call costs the platform, the replica and the
 * customer alike, whatever it carries. Whoever comes while two calls are under way waits a moment, and the first to have
 * waited takes all the others along, in its own name. Nobody depends on it: one whose answer stays out asks the next
 * replica, as it would have done alone, under the same id (SPEC X1). Rests on the runtime to go on in each request's own
 * context when another settles what it waits for (`handle_cross_request_promise_resolution`, on since 2024-10-14).
 */
import type { ClientReply, ClientRequest } from "../../src/replica/messages.ts";
import type { Operation } from "../../src/store/command.ts";
import { limits } from "../../src/support/limits.ts";
import { clientMessage, decodeClientReply, encodeClientBody } from "../../src/wire/client-codec.ts";
import type { Visit } from "./visit.ts";

/** A request that waits to be taken along. */
interface Waiting {
  readonly body: string;
  readonly since: number;
  readonly settle: (answer: Answer) => void;
}

interface Answer {
  /** Null: the call failed. */
  readonly reply: ClientReply | null;
  /** How many were asked for with it. */
  readonly together: number;
}

/** The calls of this isolate to one replica, of one kind: an answer waits for the slowest of those it comes with. */
export class Lane {
  waiting: Waiting[] = [];
  bytes = 0;
  /** When each call under way is given up at the latest. */
  readonly #underWay = new Set<{ readonly until: number }>();
  #sentAt = 0;
  #carried = 0;
  /** How long calls take, in ms: a moving average. */
  #latency = 2 * limits.coalescingMs;

  /** When the next call may leave: what a single client sends, at once. Else calls follow each other at half their time. */
  nextAt(now: number): number {
    // A call whose request was cut off never says that it has ended.
    for (const call of this.#underWay) if (call.until < now) this.#underWay.delete(call);
    if (this.#underWay.size < limits.callsAtOnce && this.#carried <= 1) return now;
    return this.#sentAt + Math.min(limits.coalescingMs, this.#latency / 2);
  }

  /** @param carried how many it asks for. @returns what to call once it has ended. */
  begin(now: number, timeoutMs: number, carried: number): (now: number) => void {
    const call = { until: now + timeoutMs };
    this.#underWay.add(call);
    this.#sentAt = now;
    this.#carried = carried;
    return (endedAt) => {
      this.#underWay.delete(call);
      this.#latency += (endedAt - now - this.#latency) / 8;
    };
  }

  add(waiting: Waiting): void {
    this.waiting.push(waiting);
    this.bytes += waiting.body.length;
  }

  take(): readonly Waiting[] {
    const taken = this.waiting;
    this.waiting = [];
    this.bytes = 0;
    return taken;
  }
}

/** @returns what the replica of this region answers; null when it does not, within `timeoutMs`. */
export async function askTogether(
  visit: Visit,
  region: string,
  request: ClientRequest,
  timeoutMs: number,
): Promise<ClientReply | null> {
  const kind = kindOf(request);
  const body = encodeClientBody(request);
  const goesAlone = !visit.gathers || kind === null || body.length > limits.coalescedBytes;
  if (goesAlone) return askAlone(visit, region, body, timeoutMs);
  const lane = laneOf(visit, `${kind} ${visit.namespace}/${region}`);
  const now = visit.now();
  const [first] = lane.waiting;
  const isFull =
    lane.waiting.length + 1 >= limits.coalescedRequests || lane.bytes + body.length > limits.coalescedGroupBytes;
  // The first of those who wait may have been cut off.
  const isLate = first !== undefined && now > first.since + 2 * limits.coalescingMs;
  const pauseMs = isFull || isLate ? 0 : lane.nextAt(now) - now;
  if (pauseMs <= 0) return askFor(visit, region, lane, body, timeoutMs);

  const { promise, resolve } = Promise.withResolvers<Answer>();
  const mine: Waiting = { body, settle: resolve, since: now };
  lane.add(mine);
  // Whatever becomes of the others, whose requests may be cut off, this one has timers of its own.
  const late = visit.after(timeoutMs, () => resolve({ reply: null, together: 1 }));
  const mayLeave = (): void => {
    if (lane.waiting[0] === mine) void askFor(visit, region, lane, null, timeoutMs);
  };
  const leaves = first === undefined ? visit.after(pauseMs, mayLeave) : () => undefined;
  try {
    const { reply, together } = await promise;
    // What a message can carry is shared by those who travel together: alone there is room for the whole of it.
    const wasCrowded = together > 1 && reply?.type === "failed" && reply.failure === "too-large";
    return wasCrowded ? await askAlone(visit, region, body, timeoutMs) : reply;
  } finally {
    late();
    leaves();
  }
}

function laneOf({ memory: { lanes } }: Visit, name: string): Lane {
  const known = lanes.get(name);
  if (known !== null) return known;
  const lane = new Lane();
  lanes.set(name, lane);
  return lane;
}

async function askAlone(visit: Visit, region: string, body: string, timeoutMs: number): Promise<ClientReply | null> {
  const text = await visit.transport.call("client", visit.address(region), clientMessage([body]), timeoutMs);
  const decoded = text === null ? null : decodeClientReply(text);
  return decoded?.ok === true ? decoded.body : null;
}

/** Takes along all who wait. @param own what else is asked, by whoever calls this. @returns the answer to that. */
async function askFor(
  visit: Visit,
  region: string,
  lane: Lane,
  own: string | null,
  timeoutMs: number,
): Promise<ClientReply | null> {
  const riders = lane.take();
  const bodies = riders.map(({ body }) => body);
  if (own !== null) bodies.push(own);
  const ended = lane.begin(visit.now(), timeoutMs, bodies.length);
  const call = visit.transport.call("client", visit.address(region), clientMessage(bodies), timeoutMs);
  const work = call.then((text) => {
    ended(visit.now());
    const decoded = text === null ? null : decodeClientReply(text);
    const replies = decoded?.ok === true ? repliesIn(decoded.body, bodies.length) : [];
    riders.forEach(({ settle }, at) => settle({ reply: replies[at] ?? null, together: bodies.length }));
    return own === null ? null : (replies.at(-1) ?? null);
  });
  // Should this request be cut off, the others still want their answers.
  if (riders.length > 0) visit.afterwards(work);
  const reply = await work;
  if (own === null || bodies.length === 1 || reply?.type !== "failed" || reply.failure !== "too-large") return reply;
  return askAlone(visit, region, own, timeoutMs);
}

function repliesIn(reply: ClientReply, asked: number): readonly ClientReply[] {
  if (asked === 1) return [reply];
  return reply.type === "batch" && reply.replies.length === asked ? reply.replies : [];
}

/** What may travel together; null: alone. Their answers are short, and none of them waits for something to happen. */
function kindOf(request: ClientRequest): string | null {
  if (request.type === "write") return together.has(request.operation.type) ? "write" : null;
  if (request.type !== "read" || request.query.type !== "get") return null;
  const { consistency } = request;
  if (consistency.type === "linearizable") return "read";
  return consistency.type === "local" && consistency.maxAgeMs === null ? "local" : null;
}

const together: ReadonlySet<Operation["type"]> = new Set(["put", "delete", "grant", "renew", "revoke", "enqueue"]);
