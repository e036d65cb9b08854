/** One comparison: sends every operation to both sides, compares the answers, and counts. */
import { isDeepStrictEqual } from "node:util";
import type { Random } from "../../../src/support/random.ts";
import { Endpoint } from "./endpoint.ts";
import type { Answer } from "./endpoint.ts";
import { normalised } from "./normalise.ts";

export interface Difference {
  readonly operation: number;
  readonly kind: string;
  readonly sent: string;
  readonly etcd: unknown;
  readonly synod: unknown;
}

/** Enough to see what is wrong; what follows is often only its consequence. */
const mostKept = 50;

export class Run {
  readonly etcd: Endpoint;
  readonly synod: Endpoint;
  readonly random: Random;
  readonly counts = new Map<string, number>();
  readonly differences: Difference[] = [];
  operations = 0;
  /** How many of the answers were errors: an error answered twice alike is easily had by sending nothing else. */
  errors = 0;
  /** Of etcd's store, as its last header told. */
  revision = 1;
  compacted = 0;
  /** When a watch was last opened. */
  watchOpenedAt = 0;
  /** Names of leases that each side named by itself, and that were not ended. */
  drawnLeases: readonly string[] = [];
  #drawn = 0;

  constructor(etcd: string, synod: string, random: Random) {
    this.etcd = new Endpoint(etcd);
    this.synod = new Endpoint(synod);
    this.random = random;
  }

  get failed(): boolean {
    return this.differences.length > 0;
  }

  /** A name that was not used before. */
  draw(): string {
    this.#drawn += 1;
    return String(this.#drawn);
  }

  /** @param message becomes JSON, unless it is text already. @returns what etcd answered. */
  async call(kind: string, path: string, message: unknown, method = "POST"): Promise<Answer> {
    const body = typeof message === "string" ? message : JSON.stringify(message);
    const [etcd, synod] = await Promise.all([this.etcd.post(path, body, method), this.synod.post(path, body, method)]);
    this.compare(kind, `${path} ${body}`, normalised(etcd, this.etcd), normalised(synod, this.synod));
    if (etcd.status !== 200) this.errors += 1;
    this.revision = Math.max(this.revision, revisionIn(etcd));
    return etcd;
  }

  compare(kind: string, sent: string, etcd: unknown, synod: unknown): void {
    this.operations += 1;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    if (isDeepStrictEqual(etcd, synod)) return;
    if (this.differences.length < mostKept) {
      this.differences.push({ operation: this.operations, kind, sent: sent.slice(0, 4000), etcd, synod });
    }
  }

  close(): void {
    this.etcd.close();
    this.synod.close();
  }
}

/** 0 where there is none. */
function revisionIn({ body }: Answer): number {
  if (typeof body !== "object" || body === null || !("header" in body)) return 0;
  const { header } = body;
  if (typeof header !== "object" || header === null || !("revision" in header)) return 0;
  return Number(header.revision);
}

export function memberOf(body: unknown, name: string): unknown {
  return typeof body === "object" && body !== null
    ? Object.entries(body).find(([key]) => key === name)?.[1]
    : undefined;
}
