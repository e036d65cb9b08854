/**
 * Many small requests over one WebSocket (`GET /pipeline`): what is called in the same turn leaves in one frame, and no
 * call waits for the one before it. Runs wherever there is a `WebSocket`: browsers, Node from 22 on, Workers. When the
 * connection is lost it is opened again, and what was not answered is sent again as far as that is safe: reads always,
 * writes with `resend`, for which each has an idempotency key that makes it happen once (SPEC X1).
 */
import { randomIdentity } from "../support/random.ts";
import type { Random } from "../support/random.ts";
import { base64Of } from "../support/bytes.ts";

export type PipelineConsistency =
  "linearizable" | "local" | { readonly atLeast: number } | { readonly maxAgeMs: number };
export type PipelineCondition = "absent" | "present" | { readonly modRevision: number };

/** What was answered, as by the door of a single key: `status` 200 or 201, and its members. */
export interface PipelineAnswer {
  readonly status: number;
  readonly key: string;
  readonly [member: string]: unknown;
}

/** Why a request has no answer. */
export class PipelineError extends Error {
  override readonly name = "PipelineError";
  /** The problem's code, such as `key-not-found`; or `connection-lost`, `timed-out`, `closed`, `too-large`, `too-many-waiting`. */
  readonly code: string;
  readonly status: number;
  /** Of a write: whether it may have been carried out. */
  readonly outcome: "not-applied" | "unknown";

  constructor(code: string, detail: string, status: number, outcome: PipelineError["outcome"]) {
    super(detail);
    this.code = code;
    this.status = status;
    this.outcome = outcome;
  }
}

/** The parts of a `WebSocket` that are used. */
export interface PipelineSocket {
  send(text: string): void;
  close(code?: number): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
}

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

/** What the gateway takes in one frame. */
const frameRequests = 1_000;
const frameCharacters = 900_000;
const backOffMinMs = 50;
const backOffMaxMs = 5_000;
/** How often it is looked for calls that have waited too long. */
const lookMs = 250;

interface Call {
  readonly id: number;
  /** The request as JSON, without the brace before its id. */
  readonly text: string;
  readonly until: number;
  readonly maySendAgain: boolean;
  sent: boolean;
  readonly resolve: (answer: PipelineAnswer) => void;
  readonly reject: (error: PipelineError) => void;
}

interface Connection {
  readonly socket: PipelineSocket;
  readonly unanswered: Map<number, Call>;
  isOpen: boolean;
  /** The gateway wants no more over this one. */
  isLast: boolean;
}

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
      window: Math.min(4_096, Math.max(1, options.window ?? 1_000)),
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

  /** Calls that have no answer yet. */
  get unanswered(): number {
    let sum = this.#waiting.length + (this.#connection?.unanswered.size ?? 0);
    for (const { unanswered } of this.#former) sum += unanswered.size;
    return sum;
  }

  /** @throws {PipelineError} */
  async put(
    key: string | Uint8Array,
    value: string | Uint8Array,
    more: { readonly if?: PipelineCondition; readonly lease?: string } = {},
  ): Promise<PipelineAnswer> {
    const members = { ...bytesMember("key", "keyEncoding", key), ...bytesMember("value", "encoding", value), ...more };
    return this.#call(`"put":${JSON.stringify(members)}`, true);
  }

  /** @throws {PipelineError} `key-not-found`, and others. */
  async get(key: string | Uint8Array, consistency?: PipelineConsistency): Promise<PipelineAnswer> {
    const level = consistency === undefined ? "" : `,"consistency":${JSON.stringify(consistency)}`;
    return this.#call(`"get":${JSON.stringify(bytesMember("key", "keyEncoding", key))}${level}`, false);
  }

  /** @throws {PipelineError} */
  async delete(key: string | Uint8Array, more: { readonly if?: PipelineCondition } = {}): Promise<PipelineAnswer> {
    return this.#call(`"delete":${JSON.stringify({ ...bytesMember("key", "keyEncoding", key), ...more })}`, true);
  }

  /** What has no answer yet fails. */
  close(): void {
    this.#closed = true;
    if (this.#again !== null) clearTimeout(this.#again);
    if (this.#look !== null) clearInterval(this.#look);
    const connections = [...this.#former, ...(this.#connection === null ? [] : [this.#connection])];
    this.#connection = null;
    this.#former.clear();
    const calls = [...this.#waiting, ...connections.flatMap(({ unanswered }) => [...unanswered.values()])];
    this.#waiting = [];
    for (const call of calls) fail(call, "closed", "the pipeline was closed");
    for (const { socket } of connections) socket.close(1000);
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
      if (text.length > frameCharacters)
        return fail(call, "too-large", `a request has at most ${frameCharacters} characters`);
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
    const connection = this.#connection;
    if (connection === null) {
      if (this.#again === null) this.#connect();
      return;
    }
    while (connection.isOpen && this.#waiting.length > 0) {
      const room = Math.min(frameRequests, this.#options.window - connection.unanswered.size);
      let count = 0;
      let size = 0;
      for (; count < Math.min(room, this.#waiting.length); count += 1) {
        size += (this.#waiting[count]?.text.length ?? 0) + 7;
        if (count > 0 && size > frameCharacters) break;
      }
      if (count === 0) return;
      const calls = this.#waiting.splice(0, count);
      for (const call of calls) {
        call.sent = true;
        connection.unanswered.set(call.id, call);
      }
      connection.socket.send(`{"requests":[{"id":${calls.map(({ text }) => text).join(',{"id":')}]}`);
    }
  }

  #connect(): void {
    const socket = this.#options.open(this.#address, this.#protocols);
    const connection: Connection = { socket, unanswered: new Map(), isOpen: false, isLast: false };
    this.#connection = connection;
    socket.onopen = () => {
      connection.isOpen = true;
      this.#flush();
    };
    socket.onmessage = ({ data }) => this.#told(connection, data);
    // A close always follows.
    socket.onerror = () => undefined;
    socket.onclose = () => this.#lost(connection);
  }

  #told(connection: Connection, data: unknown): void {
    const { results, last } = JSON.parse(String(data)) as {
      readonly results: readonly (PipelineAnswer & { readonly id: number; readonly problem?: Problem })[];
      readonly last?: boolean;
    };
    this.#failures = 0;
    for (const result of results) {
      const { id, problem, ...answer } = result;
      const call = connection.unanswered.get(id);
      connection.unanswered.delete(id);
      // It may have been given up.
      if (call === undefined) continue;
      if (problem === undefined) call.resolve(answer as PipelineAnswer);
      else
        call.reject(new PipelineError(problem.code, problem.detail, result.status, problem.outcome ?? "not-applied"));
    }
    if (last === true && connection === this.#connection) {
      connection.isLast = true;
      this.#connection = null;
      this.#former.add(connection);
    }
    if (connection.isLast && connection.unanswered.size === 0) {
      this.#former.delete(connection);
      connection.socket.close(1000);
    }
    this.#flush();
  }

  #lost(connection: Connection): void {
    if (this.#closed) return;
    this.#former.delete(connection);
    if (connection === this.#connection) this.#connection = null;
    const again: Call[] = [];
    for (const call of connection.unanswered.values()) {
      if (call.maySendAgain) again.push(call);
      else fail(call, "connection-lost", "the connection was lost before the answer came");
    }
    connection.unanswered.clear();
    this.#waiting = [...again, ...this.#waiting];
    if (connection.isLast || this.#connection !== null || this.#again !== null) return this.#flush();
    // Never the same wait for two: many clients lose the same gateway at once.
    const longest = Math.min(backOffMaxMs, backOffMinMs * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    this.#again = setTimeout(
      () => {
        this.#again = null;
        this.#flush();
      },
      longest * (0.5 + this.#options.random.next() / 2),
    );
  }

  #expire(): void {
    const now = performance.now();
    const isOver = (call: Call): boolean => call.until <= now;
    const over = this.#waiting.filter(isOver);
    if (over.length > 0) this.#waiting = this.#waiting.filter((call) => !isOver(call));
    for (const connection of [...this.#former, ...(this.#connection === null ? [] : [this.#connection])]) {
      for (const call of connection.unanswered.values()) if (isOver(call)) over.push(call);
      for (const { id } of over) connection.unanswered.delete(id);
    }
    for (const call of over) fail(call, "timed-out", `no answer within ${this.#options.timeoutMs} ms`);
    if (this.unanswered > 0 || this.#look === null) return;
    clearInterval(this.#look);
    this.#look = null;
  }
}

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly outcome?: PipelineError["outcome"];
}

/** Nobody answered: what was never sent was never done. */
function fail({ sent, reject }: Call, code: string, detail: string): void {
  reject(new PipelineError(code, detail, 0, sent ? "unknown" : "not-applied"));
}

const bytesMember = (name: string, encoding: string, bytes: string | Uint8Array): object =>
  typeof bytes === "string" ? { [name]: bytes } : { [name]: base64Of(bytes), [encoding]: "base64" };
