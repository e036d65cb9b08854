/**
 * Many small requests over one WebSocket (`GET /pipeline`): what is called in the same turn leaves in one frame, and no
 * call waits for the one before it. Runs wherever there is a `WebSocket`: browsers, Node from 22 on, Workers. When the
 * connection is lost it is opened again, and what was not answered is sent again as far as that is safe: reads always,
 * writes with `resend`, for which each has an idempotency key that makes it happen once (SPEC X1).
 */
import { backOffMs } from "../support/back-off.ts";
import { base64Of } from "../support/bytes.ts";
import { limits } from "../support/limits.ts";
import { randomIdentity } from "../support/random.ts";
import type { Random } from "../support/random.ts";
import { fail } from "./pipeline-calls.ts";
import type { Call, PipelineAnswer } from "./pipeline-calls.ts";
import { callCharacters, Connection } from "./pipeline-connection.ts";
import type { PipelineSocket } from "./pipeline-connection.ts";

export { PipelineError } from "./pipeline-calls.ts";
export type { PipelineAnswer } from "./pipeline-calls.ts";
export type { PipelineSocket } from "./pipeline-connection.ts";

export type PipelineConsistency =
  "linearizable" | "local" | { readonly atLeast: number } | { readonly maxAgeMs: number };
export type PipelineCondition = "absent" | "present" | { readonly modRevision: number };

export interface PipelineOptions {
  /** Where Synod is: `https://synod.example`. */
  readonly url: string;
  /** Absent: `default`. */
  readonly namespace?: string;
  /** What the deployment asks for, if it does. */
  readonly token?: string;
  /** Writes that were not answered when the connection was lost are sent again, and still happen once. Costs a row for each write and replica. */
  readonly resend?: boolean;
  /** Requests that may be unanswered at once, 1 to 4,096. Usually 1,000. */
  readonly window?: number;
  /** Calls that may wait besides; further ones are refused. Usually 65,536. */
  readonly mostWaiting?: number;
  /** After which a call fails, in ms. Usually 15,000. */
  readonly timeoutMs?: number;
  /** Usually the platform's. */
  readonly open?: (url: string, protocols: readonly string[]) => PipelineSocket;
  readonly random?: Random;
}

const backOffMinMs = 50;
const backOffMaxMs = 5_000;
/** How often it is looked for calls that have waited too long. */
const lookMs = 250;

export class Pipeline {
  readonly #options: Required<Omit<PipelineOptions, "namespace" | "token">>;
  readonly #address: string;
  readonly #protocols: readonly string[];
  readonly #name: string;
  #nextId = 1;
  #waiting: Call[] = [];
  #connection: Connection | null = null;
  /** Those before it that still have answers to give. */
  readonly #former = new Set<Connection>();
  #flushes = false;
  #failures = 0;
  #again: ReturnType<typeof setTimeout> | null = null;
  #look: ReturnType<typeof setInterval> | null = null;
  #closed = false;

  constructor(options: PipelineOptions) {
    this.#options = {
      url: options.url,
      resend: options.resend ?? false,
      window: Math.min(limits.pipelineUnanswered, Math.max(1, options.window ?? limits.batchOperations)),
      mostWaiting: options.mostWaiting ?? 65_536,
      timeoutMs: options.timeoutMs ?? 15_000,
      open: options.open ?? ((url, protocols) => new WebSocket(url, [...protocols]) as PipelineSocket),
      random: options.random ?? { next: () => Math.random() },
    };
    const { url, namespace, token } = options;
    const path = namespace === undefined ? "/pipeline" : `/ns/${encodeURIComponent(namespace)}/pipeline`;
    this.#address = new URL(path, url).href.replace(/^http/, "ws");
    this.#protocols = token === undefined ? ["synod"] : ["synod", `bearer.${token}`];
    this.#name = randomIdentity(this.#options.random);
  }

  get #connections(): readonly Connection[] {
    return this.#connection === null ? [...this.#former] : [...this.#former, this.#connection];
  }

  /** Calls that have no answer yet. */
  get unanswered(): number {
    return this.#connections.reduce((sum, { unanswered }) => sum + unanswered, this.#waiting.length);
  }

  /** @throws {PipelineError} */
  async put(
    key: string | Uint8Array,
    value: string | Uint8Array,
    more: { readonly if?: PipelineCondition; readonly lease?: string } = {},
  ): Promise<PipelineAnswer> {
    const members = { ...sentAs("key", "keyEncoding", key), ...sentAs("value", "encoding", value), ...more };
    return this.#call(`"put":${JSON.stringify(members)}`, true);
  }

  /** @throws {PipelineError} `key-not-found`, and others. */
  async get(key: string | Uint8Array, consistency?: PipelineConsistency): Promise<PipelineAnswer> {
    const level = consistency === undefined ? "" : `,"consistency":${JSON.stringify(consistency)}`;
    return this.#call(`"get":${JSON.stringify(sentAs("key", "keyEncoding", key))}${level}`, false);
  }

  /** @throws {PipelineError} */
  async delete(key: string | Uint8Array, more: { readonly if?: PipelineCondition } = {}): Promise<PipelineAnswer> {
    return this.#call(`"delete":${JSON.stringify({ ...sentAs("key", "keyEncoding", key), ...more })}`, true);
  }

  /** What has no answer yet fails. */
  close(): void {
    this.#closed = true;
    if (this.#again !== null) clearTimeout(this.#again);
    if (this.#look !== null) clearInterval(this.#look);
    const connections = this.#connections;
    this.#connection = null;
    this.#former.clear();
    const calls = [...this.#waiting, ...connections.flatMap((connection) => connection.giveUp(() => true))];
    this.#waiting = [];
    for (const call of calls) fail(call, "closed", "the pipeline was closed");
    for (const connection of connections) connection.close();
  }

  async #call(request: string, isWrite: boolean): Promise<PipelineAnswer> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId;
      this.#nextId += 1;
      const keyed = isWrite && this.#options.resend;
      const text = `${id},${request}${keyed ? `,"idempotencyKey":"${this.#name}-${id}"` : ""}}`;
      const until = performance.now() + this.#options.timeoutMs;
      const call = { id, text, until, maySendAgain: keyed || !isWrite, sent: false, resolve, reject };
      if (this.#closed) return fail(call, "closed", "the pipeline is closed");
      if (text.length > callCharacters)
        return fail(call, "too-large", `a request has at most ${callCharacters} characters`);
      if (this.#waiting.length >= this.#options.mostWaiting) {
        return fail(call, "too-many-waiting", `${this.#options.mostWaiting} calls wait already`);
      }
      this.#waiting.push(call);
      this.#look ??= setInterval(() => this.#expire(), lookMs);
      if (this.#flushes) return;
      this.#flushes = true;
      // All that is called in this turn leaves together.
      queueMicrotask(() => {
        this.#flushes = false;
        this.#flush();
      });
    });
  }

  #flush(): void {
    if (this.#closed || this.#waiting.length === 0) return;
    if (this.#connection !== null) this.#connection.send(this.#waiting, this.#options.window);
    else if (this.#again === null) this.#connect();
  }

  #connect(): void {
    this.#connection = new Connection(this.#options.open(this.#address, this.#protocols), {
      opened: () => this.#flush(),
      told: (connection) => this.#told(connection),
      lost: (connection) => this.#lost(connection),
    });
  }

  #told(connection: Connection): void {
    if (this.#closed) return;
    this.#failures = 0;
    if (connection.isLast && connection === this.#connection) {
      this.#connection = null;
      this.#former.add(connection);
    }
    if (connection.isLast && connection.unanswered === 0) {
      this.#former.delete(connection);
      connection.close();
    }
    this.#flush();
  }

  #lost(connection: Connection): void {
    if (this.#closed) return;
    this.#former.delete(connection);
    if (connection === this.#connection) this.#connection = null;
    const again: Call[] = [];
    for (const call of connection.giveUp(() => true)) {
      if (call.maySendAgain) again.push(call);
      else fail(call, "connection-lost", "the connection was lost before the answer came");
    }
    this.#waiting = [...again, ...this.#waiting];
    if (connection.isLast || this.#connection !== null || this.#again !== null) return this.#flush();
    // Many clients lose the same gateway at once.
    const waitMs = backOffMs(this.#failures, backOffMinMs, backOffMaxMs, this.#options.random);
    this.#failures += 1;
    this.#again = setTimeout(() => {
      this.#again = null;
      this.#flush();
    }, waitMs);
  }

  #expire(): void {
    const now = performance.now();
    const isOver = (call: Call): boolean => call.until <= now;
    const over = this.#waiting.filter(isOver);
    if (over.length > 0) this.#waiting = this.#waiting.filter((call) => !isOver(call));
    for (const connection of this.#connections) over.push(...connection.giveUp(isOver));
    for (const call of over) fail(call, "timed-out", `no answer within ${this.#options.timeoutMs} ms`);
    if (this.unanswered > 0 || this.#look === null) return;
    clearInterval(this.#look);
    this.#look = null;
  }
}

/** Text as it is, and bytes as base64, whatever they are. */
const sentAs = (name: string, encoding: string, bytes: string | Uint8Array): object =>
  typeof bytes === "string" ? { [name]: bytes } : { [name]: base64Of(bytes), [encoding]: "base64" };
