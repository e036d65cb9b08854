/**
 * Many small requests of one client over one WebSocket. A frame holds requests, each under an id of the client's choice;
 * answers come as soon as they are known, under those ids, in any order. What has arrived while calls are under way
 * leaves together, as one batch: a request costs little more than its part of one. Nothing durable is kept here: whoever
 * loses the socket knows what was answered, and asks again under its idempotency key (SPEC U1, X1).
 */
import * as v from "valibot";
import { revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import type { Consistency, ReadRequest, WriteRequest } from "../../src/replica/messages.ts";
import { isList } from "../../src/store/json-shape.ts";
import { askBatch } from "./batches.ts";
import type { Part } from "./batches.ts";
import { partIdentity } from "./identity.ts";
import { wholeSchema } from "./members.ts";
import { askedIn, fingerprinted, operationSchema, shown } from "./operations.ts";
import type { Asked } from "./operations.ts";
import { Problem, problemDocument, problemOf } from "./problems.ts";
import { strictJson } from "./strict-json.ts";
import type { Visit } from "./visit.ts";
import { writeRequest } from "./writes.ts";

/** Close codes of RFC 6455, section 7.4.1. */
const unsupportedData = 1003;
const invalidPayload = 1007;
const policyViolation = 1008;
const messageTooBig = 1009;

/** The side of a WebSocket that is written to. */
export interface Outlet {
  readonly send: (text: string) => void;
  readonly close: (code: number, reason: string) => void;
}

/** What waits for an answer, and what leaves together: each kind is as quick as its own. */
type Kind = "write" | "read" | "local";
interface Waiting {
  readonly id: number;
  readonly kind: Kind;
  readonly asked: Asked;
  readonly consistency: Consistency;
  readonly idempotencyKey: string | null;
  /** Characters of its value. */
  readonly size: number;
}
interface Lane {
  readonly waiting: Waiting[];
  underWay: number;
}

const frameSchema = v.strictObject({ requests: v.custom<readonly unknown[]>(isList, "must be a list") });
const mostRequests = `a frame has 1 to ${limits.batchOperations} requests`;
const idSchema = wholeSchema(0);
const keySchema = v.optional(
  v.pipe(
    v.string(),
    v.regex(
      new RegExp(`^[\\u0021-\\u007e]{1,${limits.idempotencyKeyCharacters}}$`),
      `must have 1 to ${limits.idempotencyKeyCharacters} visible ASCII characters`,
    ),
  ),
);
const consistencySchema = v.optional(
  v.union(
    [
      v.picklist(["linearizable", "local"]),
      v.strictObject({ atLeast: wholeSchema(0) }),
      v.strictObject({ maxAgeMs: wholeSchema(0) }),
    ],
    `must be "linearizable", "local", {"atLeast": <revision>} or {"maxAgeMs": <milliseconds>}`,
  ),
);

export class Pipeline {
  readonly #visit: Visit;
  readonly #outlet: Outlet;
  readonly #unanswered = new Set<number>();
  readonly #lanes: Readonly<Record<Kind, Lane>> = {
    write: { waiting: [], underWay: 0 },
    read: { waiting: [], underWay: 0 },
    local: { waiting: [], underWay: 0 },
  };
  #calls = 0;
  #bytes = 0;
  #closed = false;

  constructor(visit: Visit, outlet: Outlet) {
    this.#visit = visit;
    this.#outlet = outlet;
  }

  /** The client is gone: what is under way goes on, and nobody is told. */
  end(): void {
    this.#closed = true;
  }

  /** @param frame as it came. A frame that cannot be told apart into requests ends the socket; a request in it does not. */
  take(frame: unknown): void {
    if (this.#closed) return;
    if (typeof frame !== "string") return this.#close(unsupportedData, "frames are text: JSON");
    if (frame.length > limits.operationsBodyBytes) {
      return this.#close(messageTooBig, `a frame has at most ${limits.operationsBodyBytes} characters`);
    }
    const parsed = strictJson(frame);
    if (!parsed.ok) return this.#close(invalidPayload, parsed.reason);
    const read = v.safeParse(frameSchema, parsed.value, { abortEarly: true });
    if (!read.success) {
      const [issue] = read.issues;
      return this.#close(invalidPayload, `${v.getDotPath(issue) ?? "the frame"}: ${issue.message}`);
    }
    const { requests } = read.output;
    if (requests.length < 1 || requests.length > limits.batchOperations) {
      return this.#close(invalidPayload, mostRequests);
    }
    const refused: object[] = [];
    for (const [index, request] of requests.entries()) {
      const problem = this.#takeOne(request, `requests.${index}`);
      if (this.#closed) return;
      if (problem !== null) refused.push(problem);
    }
    this.#tell(refused);
    for (const kind of ["write", "read", "local"] as const) this.#drive(this.#lanes[kind]);
  }

  /** @returns what to answer at once, when it is refused. */
  #takeOne(request: unknown, at: string): object | null {
    const members = typeof request === "object" && request !== null && !isList(request) ? request : {};
    const { id, idempotencyKey, consistency, ...operation } = members as Readonly<Record<string, unknown>>;
    const known = v.safeParse(idSchema, id);
    // Without one it could not be answered: the client would wait for ever.
    if (!known.success) {
      this.#close(invalidPayload, `${at}.id: ${known.issues[0].message}`);
      return null;
    }
    if (this.#unanswered.has(known.output)) {
      this.#close(policyViolation, `${at}.id: ${known.output} is still unanswered`);
      return null;
    }
    try {
      const waiting = this.#read(known.output, operation, idempotencyKey, consistency, at);
      this.#unanswered.add(waiting.id);
      this.#bytes += waiting.size;
      this.#lanes[waiting.kind].waiting.push(waiting);
      return null;
    } catch (error) {
      const problem = problemDocument(problemOf(error), "POST");
      return { id: known.output, status: problem.status, problem };
    }
  }

  #read(id: number, operation: object, givenKey: unknown, givenConsistency: unknown, at: string): Waiting {
    const asked = askedIn(parsedBy(operationSchema, operation, at), at);
    const idempotencyKey = parsedBy(keySchema, givenKey, `${at}.idempotencyKey`) ?? null;
    const consistency = parsedBy(consistencySchema, givenConsistency, `${at}.consistency`);
    if (asked.type === "get" ? idempotencyKey !== null : consistency !== undefined) {
      throw new Problem(
        "invalid-body",
        `${at}: a consistency is for what is read, an idempotency key for what is written`,
      );
    }
    if (this.#unanswered.size >= limits.pipelineUnanswered || this.#bytes > limits.pipelineBytes) {
      const most = `${limits.pipelineUnanswered} requests, or ${limits.pipelineBytes} bytes of values`;
      throw new Problem("overloaded", `${most}, may wait for their answers`);
    }
    const level = consistencyOf(consistency);
    const kind = asked.type !== "get" ? "write" : level.type === "local" && level.maxAgeMs === null ? "local" : "read";
    const size = asked.type === "get" || asked.operation.type === "delete" ? 0 : asked.operation.value.length;
    return { id, kind, asked, consistency: level, idempotencyKey, size };
  }

  #drive(lane: Lane): void {
    while (lane.waiting.length > 0 && lane.underWay < limits.pipelineCalls) {
      const together = lane.waiting.splice(0, limits.batchOperations);
      lane.underWay += 1;
      this.#visit.afterwards(
        this.#carry(together).finally(() => {
          lane.underWay -= 1;
          if (!this.#closed) this.#drive(lane);
        }),
      );
    }
  }

  async #carry(together: readonly Waiting[]): Promise<void> {
    this.#calls += 1;
    let results: readonly object[];
    try {
      const requests = await Promise.all(together.map(async (one) => this.#requestOf(one)));
      const parts = await askBatch(this.#visit, requests);
      results = together.map((one, index) => answerOf(one, parts[index]));
    } catch (error) {
      // Nothing is known of any.
      const problem = problemOf(error);
      results = together.map((one) => answerOf(one, { type: "problem", problem }));
    }
    for (const { id, size } of together) {
      this.#unanswered.delete(id);
      this.#bytes -= size;
    }
    this.#tell(results);
  }

  async #requestOf({ asked, consistency, idempotencyKey }: Waiting): Promise<WriteRequest | ReadRequest> {
    if (asked.type === "get") return { type: "read", consistency, query: { type: "get", key: asked.key.stored } };
    const identity = await partIdentity(idempotencyKey, this.#visit.random, 0, fingerprinted(asked.operation, null));
    return writeRequest(this.#visit, { identity, guard: null, operation: asked.operation });
  }

  /** With `last`, the client is asked to go on over another socket: the platform counts calls for each. */
  #tell(results: readonly object[]): void {
    if (this.#closed || results.length === 0) return;
    const last = this.#calls >= limits.pipelineCallsInAll;
    this.#outlet.send(JSON.stringify(last ? { results, last } : { results }));
  }

  #close(code: number, reason: string): void {
    this.#closed = true;
    // RFC 6455: at most 123 bytes.
    this.#outlet.close(code, reason.slice(0, 100));
  }
}

function answerOf({ id, asked, consistency }: Waiting, part: Part | undefined): object {
  return { id, ...shown(part ?? { type: "problem", problem: new Problem("internal", "no part") }, asked, consistency) };
}

/** @throws {Problem} */
function parsedBy<T>(schema: v.GenericSchema<unknown, T>, value: unknown, at: string): T {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw new Problem("invalid-body", `${path === null ? at : `${at}.${path}`}: ${issue.message}`);
}

function consistencyOf(given: v.InferOutput<typeof consistencySchema>): Consistency {
  if (given === undefined || given === "linearizable") return { type: "linearizable" };
  if (given === "local") return { type: "local", maxAgeMs: null };
  return "atLeast" in given
    ? { type: "session", atLeast: revision(given.atLeast) }
    : { type: "local", maxAgeMs: given.maxAgeMs };
}
