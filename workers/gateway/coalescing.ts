/**
 * Small requests of one isolate to one replica travel together: each call costs the platform, the replica and the
 * customer alike, whatever it carries. Whoever comes while a call is under way waits a moment, for the others and for
 * those who were just answered and come again; one of them takes all along, in its own name. Nobody depends on it: one
 * whose answer stays out asks the next replica, as it would have done alone, under the same id (SPEC X1). Rests on the
 * runtime to go on in each request's own context when another settles what it waits for
 * (`handle_cross_request_promise_resolution`, on since 2024-10-14).
 */
import type { ClientReply, ClientRequest } from "../../src/replica/messages.ts";
import type { Operation } from "../../src/store/command.ts";
import { limits } from "../../src/support/limits.ts";
import { Pace } from "../../src/support/pace.ts";
import { clientMessage, decodeClientReply, encodeClientBody } from "../../src/wire/client-codec.ts";
import type { Visit } from "./visit.ts";

interface Answer {
  /** Null: the call failed. */
  readonly reply: ClientReply | null;
  /** How many were asked for with it. */
  readonly together: number;
}

/** A request that waits to be taken along. */
class Rider {
  readonly body: string;
  readonly since: number;
  answer: Answer | null = null;
  /** There is an answer, or it is time to see whether a call may leave. */
  wake: () => void = () => undefined;

  constructor(body: string, since: number) {
    this.body = body;
    this.since = since;
  }

  settle(answer: Answer): void {
    this.answer = answer;
    this.wake();
  }
}

/** The calls of this isolate to one replica, of one kind: an answer waits for the slowest of those it comes with. */
export class Lane {
  waiting: Rider[] = [];
  bytes = 0;
  readonly pace = new Pace(limits.coalescingMs);
  /** When each call under way is given up at the latest. */
  readonly #underWay = new Set<{ readonly until: number }>();

  /** @param more who would come along besides those who wait. @returns when the next call may leave. */
  nextAt(now: number, more: number): number {
    // A call whose request was cut off never says that it has ended.
    for (const call of this.#underWay) if (call.until < now) this.#underWay.delete(call);
    return this.pace.nextAt(this.#underWay.size, this.waiting.length + more);
  }

  /** @param carried how many it asks for. @returns what to call once it has ended. */
  begin(now: number, timeoutMs: number, carried: number): (now: number) => void {
    const call = { until: now + timeoutMs };
    this.#underWay.add(call);
    this.pace.left(now, carried);
    return (endedAt) => {
      this.#underWay.delete(call);
      this.pace.ended(endedAt, endedAt - now, this.waiting.length);
      this.waiting[0]?.wake();
    };
  }

  add(rider: Rider): void {
    this.waiting.push(rider);
    this.bytes += rider.body.length;
  }

  take(): readonly Rider[] {
    const taken = this.waiting;
    this.waiting = [];
    this.bytes = 0;
    return taken;
  }

  hasRoomFor(body: string): boolean {
    const { length } = this.waiting;
    return length + 1 < limits.coalescedRequests && this.bytes + body.length <= limits.coalescedGroupBytes;
  }
}

/**
 * @param timeoutMs after which a call is given up; how long to wait for its answer is up to the caller.
 * @returns what the replica of this region answers; null when it does not.
 */
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
  lane.pace.came(now);
  const [first] = lane.waiting;
  // The first of those who wait may have been cut off.
  const isLate = first !== undefined && now > first.since + limits.coalescingWaitMs;
  if (isLate || !lane.hasRoomFor(body) || lane.nextAt(now, 1) <= now) {
    return askFor(visit, region, lane, body, timeoutMs);
  }
  const mine = new Rider(body, now);
  lane.add(mine);
  const { reply, together } = await answerTo(visit, region, lane, mine, timeoutMs);
  // What a message can carry is shared by those who travel together: alone there is room for the whole of it.
  const wasCrowded = together > 1 && reply?.type === "failed" && reply.failure === "too-large";
  return wasCrowded ? askAlone(visit, region, body, timeoutMs) : reply;
}

/** Whoever came first sees to it that all leave; those after it only wait. Who gives up, and when, is up to the caller. */
async function answerTo(visit: Visit, region: string, lane: Lane, mine: Rider, timeoutMs: number): Promise<Answer> {
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<void>();
    mine.wake = resolve;
    let cancel = (): void => undefined;
    if (lane.waiting[0] === mine) {
      const now = visit.now();
      const pauseMs = Math.min(lane.nextAt(now, 0), mine.since + limits.coalescingWaitMs) - now;
      if (pauseMs > 0) cancel = visit.after(pauseMs, resolve);
      else void askFor(visit, region, lane, null, timeoutMs);
    }
    await promise;
    cancel();
    if (mine.answer !== null) return mine.answer;
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
    riders.forEach((rider, at) => rider.settle({ reply: replies[at] ?? null, together: bodies.length }));
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
