/**
 * Where actors ask that live as one piece of code after the other: each request goes through a gateway, ends in an answer
 * or in none, and is written down for the checkers. A life that throws ends the run.
 */
import { logTime, requestId } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import type {
  ClientReply,
  ClientRequest,
  Consistency,
  Query,
  QueryResult,
  ReadRequest,
  WriteRequest,
} from "../../../src/replica/messages.ts";
import type { Guard, Operation, Outcome } from "../../../src/store/command.ts";
import type { Cluster } from "../cluster.ts";
import { nameOfCommand } from "../history.ts";
import type { Heard } from "../nodes/gateway-node.ts";
import type { World } from "../world.ts";

/** A client gives up waiting after this long, in virtual ms: more than a gateway keeps it waiting. */
const patienceMs = 6_000;

/** One request and what came of it. */
export interface AskedAtDesk {
  readonly client: string;
  readonly request: WriteRequest | ReadRequest;
  /** Names the command, with its fingerprint; null for reads. */
  readonly id: string | null;
  readonly calledAt: number;
  /** Null: no answer came while the client waited. */
  returnedAt: number | null;
  reply: ClientReply | null;
  notApplied: boolean;
  /** Why there is no answer, as a problem's code; null when nothing was heard at all. */
  problem: string | null;
}

/** A read's answer: what was read, and at which revision of the store. */
export interface ReadAt<Type extends QueryResult["type"]> {
  readonly result: Extract<QueryResult, { readonly type: Type }>;
  readonly revision: number;
}

export class Desk {
  readonly asked: AskedAtDesk[] = [];
  readonly #cluster: Cluster;
  #commands = 0;
  #running = true;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  get cluster(): Cluster {
    return this.#cluster;
  }

  get world(): World {
    return this.#cluster.world;
  }

  get regions(): readonly string[] {
    return this.#cluster.regions;
  }

  /** False from then on: lives are asked to come to their end. */
  get running(): boolean {
    return this.#running;
  }

  stop(): void {
    this.#running = false;
  }

  /** Begins a life. */
  begin(live: () => Promise<void>): void {
    live().catch((error: unknown) => this.world.fail(error));
  }

  async pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.world.after(ms, () => {
      this.world.stir();
      resolve(undefined);
    });
    return promise;
  }

  /** What is heard of something within this time. */
  async hear<T>(ask: (tell: (heard: Heard<T>) => void) => void, withinMs: number): Promise<Heard<T>> {
    const { world } = this;
    const { promise, resolve } = Promise.withResolvers<Heard<T>>();
    const tell = (heard: Heard<T>): void => {
      world.stir();
      resolve(heard);
    };
    world.after(withinMs, () => tell(null));
    ask(tell);
    return promise;
  }

  // --- requests ---

  /** @returns null when nobody could say what came of it. */
  async write(client: string, operation: Operation, options: WriteOptions = {}): Promise<Outcome | null> {
    const asked = this.#note(client, this.#writing(client, operation, options));
    await this.#send([asked], options.region);
    return asked.reply?.type === "outcome" ? asked.reply.outcome : null;
  }

  /** @returns null when no answer came, or another one than was asked for. */
  async read<Type extends QueryResult["type"]>(
    client: string,
    query: Query,
    type: Type,
    consistency: Consistency = { type: "linearizable" },
  ): Promise<ReadAt<Type> | null> {
    const asked = this.#note(client, { type: "read", consistency, query });
    await this.#send([asked]);
    const { reply } = asked;
    if (reply?.type !== "result" || !isOfType(reply.result, type)) return null;
    return { result: reply.result, revision: reply.revision };
  }

  /** Independent requests in one message. */
  async batch(client: string, requests: readonly (Operation | Query)[]): Promise<void> {
    const asked = requests.map((one) =>
      this.#note(
        client,
        isOperation(one)
          ? this.#writing(client, one, {})
          : { type: "read", consistency: { type: "linearizable" }, query: one },
      ),
    );
    await this.#send(asked);
  }

  #writing(client: string, operation: Operation, { guard }: WriteOptions): WriteRequest {
    this.#commands += 1;
    return {
      type: "write",
      id: requestId(`${client}.${this.#commands}`),
      // Set again when it is sent: by the clock of the gateway that sends it.
      deadline: logTime(0),
      operation,
      ...(guard === undefined ? {} : { guard }),
    };
  }

  #note(client: string, request: AskedAtDesk["request"]): AskedAtDesk {
    const asked: AskedAtDesk = {
      client,
      request,
      id: request.type === "write" ? nameOfCommand(request.id, null) : null,
      calledAt: this.world.now,
      returnedAt: null,
      reply: null,
      notApplied: false,
      problem: null,
    };
    this.asked.push(asked);
    return asked;
  }

  async #send(asked: readonly AskedAtDesk[], where?: string): Promise<void> {
    const { world } = this;
    const gateway = this.#cluster.gateway(where ?? world.pick(this.regions));
    const requests = asked.map(({ request }) =>
      request.type === "write" ? { ...request, deadline: logTime(gateway.deadline(limits.commandLifeMs)) } : request,
    );
    const [only] = requests;
    const request: ClientRequest = requests.length === 1 && only !== undefined ? only : { type: "batch", requests };
    const heard = await this.hear<ClientReply>((tell) => gateway.ask(request, tell), patienceMs);
    if (heard === null) return;
    for (const [at, one] of asked.entries()) this.#end(one, asked.length === 1 ? heard : memberOf(heard, at));
  }

  #end(asked: AskedAtDesk, heard: Exclude<Heard<ClientReply>, null>): void {
    const { world } = this;
    asked.returnedAt = world.now;
    if (heard.type === "problem") {
      asked.problem = heard.code;
      asked.notApplied = heard.outcome === "not-applied";
      return world.count(`desk-${heard.code}`);
    }
    const { answer } = heard;
    world.count(`desk-${answer.type}`, "revision" in answer ? `${asked.client} ${answer.revision}` : asked.client);
    if (answer.type === "failed") {
      // Of one request of a batch: as the gateway would tell it.
      asked.problem = answer.failure;
      return;
    }
    asked.reply = answer;
  }
}

export interface WriteOptions {
  readonly guard?: Guard;
  /** Whose gateway is asked; any, if none is named. */
  readonly region?: string;
}

const isOperation = (one: Operation | Query): one is Operation =>
  ["put", "delete", "txn", "grant", "renew", "revoke", "compact", "enqueue", "expire"].includes(one.type);

const isOfType = <Type extends QueryResult["type"]>(
  result: QueryResult,
  type: Type,
): result is Extract<QueryResult, { type: Type }> => result.type === type;

function memberOf(heard: Exclude<Heard<ClientReply>, null>, at: number): Exclude<Heard<ClientReply>, null> {
  if (heard.type === "problem" || heard.answer.type !== "batch") return heard;
  const reply = heard.answer.replies[at];
  if (reply === undefined) throw new Error(`a batch was answered without its request ${at}`);
  return { type: "answer", answer: reply };
}
