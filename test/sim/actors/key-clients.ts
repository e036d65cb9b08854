/** Clients that put, delete and read a few keys anywhere, and ask again under the same id when nobody can say what happened. */
import { requestId } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import type { ClientRequest } from "../../../src/replica/messages.ts";
import { userKey } from "../../../src/store/key-space.ts";
import type { Cluster } from "../cluster.ts";
import type { Operation } from "../history.ts";

/** A client gives up waiting after this long, in virtual ms: more than a replica keeps it waiting. */
const patienceMs = 6_000;

/** What a broken client or door would do; all false in earnest. */
export interface ClientFlaws {
  /** Asks again under a new id. */
  readonly freshIds?: boolean;
  /** Reads whatever the nearest replica has. */
  readonly staleReads?: boolean;
  /** Is told `not-applied` where nobody knows. */
  readonly boldRefusals?: boolean;
}

export class KeyClients {
  readonly history: Operation[] = [];
  readonly #cluster: Cluster;
  readonly #flaws: ClientFlaws;
  #running = true;

  constructor(cluster: Cluster, clients: number, flaws: ClientFlaws = {}) {
    this.#cluster = cluster;
    this.#flaws = flaws;
    for (let client = 0; client < clients; client += 1) this.#later(client, 1, 100);
  }

  stop(): void {
    this.#running = false;
  }

  #later(client: number, count: number, withinMs: number): void {
    const { world } = this.#cluster;
    world.after(world.random.next() * withinMs, () => {
      if (this.#running) this.#begin(client, count);
    });
  }

  #begin(client: number, count: number): void {
    const { world, regions } = this.#cluster;
    const kind = world.pick(["put", "put", "get", "get", "delete"] as const);
    const operation: Operation = {
      client,
      kind,
      key: `k${Math.floor(world.random.next() * 4)}`,
      value: kind === "put" ? `${client}.${count}` : null,
      id: `c${client}.${count}`,
      invokedAt: world.now,
      returnedAt: null,
      reply: null,
    };
    this.history.push(operation);
    this.#send(operation, world.pick(regions), 1, () => this.#later(client, count + 1, 50));
  }

  #send(operation: Operation, region: string, attempt: number, done: () => void): void {
    const { world, regions } = this.#cluster;
    let open = true;
    const finish = (reply: Operation["reply"]): void => {
      if (!open) return;
      open = false;
      if (reply?.type === "failed" && reply.failure === "catching-up") {
        // As the gateway does: another replica can answer.
        world.count("client-elsewhere");
        return this.#send(operation, world.pick(regions.filter((other) => other !== region)), attempt, done);
      }
      const unknown = reply === null || (reply.type === "failed" && reply.outcome === "unknown");
      if (unknown && attempt < 3 && world.chance(0.5)) {
        world.count("client-retry");
        return this.#send(operation, world.pick(regions), attempt + 1, done);
      }
      operation.returnedAt = world.now;
      operation.reply = this.#concluded(reply, attempt);
      world.count(
        `client-${reply === null ? "lost" : reply.type === "failed" ? `failed-${reply.failure}` : reply.type}`,
      );
      done();
    };
    world.after(patienceMs, () => finish(null));
    this.#cluster.replica(region).client(this.#request(operation, attempt), finish);
  }

  /** What a client may conclude: a refusal speaks of its own attempt, not of earlier ones that nobody answered for (U1). */
  #concluded(reply: Operation["reply"], attempt: number): Operation["reply"] {
    if (reply !== null && reply.type !== "failed") return reply;
    const failure = { type: "failed", failure: "no-quorum", detail: "" } as const;
    if (this.#flaws.boldRefusals === true) return { ...failure, outcome: "not-applied" };
    return attempt > 1 ? { ...failure, outcome: "unknown" } : reply;
  }

  #request({ kind, key, value, id }: Operation, attempt: number): ClientRequest {
    const stored = userKey(utf8(key));
    if (kind === "get") {
      const local = this.#flaws.staleReads === true;
      return {
        type: "read",
        consistency: local ? { type: "local", maxAgeMs: null } : { type: "linearizable" },
        query: { type: "get", key: stored },
      };
    }
    const condition = { type: "always" } as const;
    return {
      type: "write",
      id: requestId(this.#flaws.freshIds === true ? `${id}.${attempt}` : id),
      operation:
        value === null
          ? { type: "delete", key: stored, condition }
          : { type: "put", key: stored, value: utf8(value), condition },
    };
  }
}
