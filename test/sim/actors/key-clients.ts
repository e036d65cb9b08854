/**
 * Clients of the key-value store, each at the gateway of its region: they put, delete, read one key or list all, with
 * conditions, under every consistency. Some choose their own id and ask again under it, anywhere, when nobody can say what
 * happened; some die between request and answer.
 */
import { logTime, requestId, revision } from "../../../src/support/brand.ts";
import type { Revision } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { limits } from "../../../src/support/limits.ts";
import type { ClientReply, ClientRequest, Consistency, Query } from "../../../src/replica/messages.ts";
import type { Condition } from "../../../src/store/command.ts";
import { userKey } from "../../../src/store/key-space.ts";
import type { Cluster } from "../cluster.ts";
import type { Asked, Operation } from "../history.ts";
import { nameOfCommand } from "../history.ts";
import type { Heard } from "../nodes/gateway-node.ts";

/** A client gives up waiting after this long, in virtual ms: more than a gateway keeps it waiting. */
const patienceMs = 6_000;
const keys = ["k0", "k1", "k2", "k3"];
const prefix = userKey(utf8("k"));

interface Client {
  readonly name: string;
  /** Chooses its own ids (`Idempotency-Key`), and asks again under them. */
  readonly keyed: boolean;
  region: string;
  /** The highest revision it was told: what its session reads must not be behind. */
  seen: Revision;
  /** What it last saw of each key. */
  readonly known: Map<string, Revision>;
  operations: number;
}

export class KeyClients {
  readonly history: Operation[] = [];
  readonly #cluster: Cluster;
  #running = true;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    const { world, regions, swarm } = cluster;
    for (let i = 0; i < swarm.clients; i += 1) {
      const client: Client = {
        name: `c${i}`,
        keyed: i % 2 === 0,
        region: world.pick(regions),
        seen: revision(0),
        known: new Map(),
        operations: 0,
      };
      this.#later(client, 100);
    }
  }

  stop(): void {
    this.#running = false;
  }

  #later(client: Client, withinMs: number): void {
    const { world } = this.#cluster;
    world.after(world.random.next() * withinMs, () => {
      if (this.#running) this.#begin(client);
    });
  }

  #begin(client: Client): void {
    const { world, regions } = this.#cluster;
    client.operations += 1;
    if (world.chance(0.05)) client.region = world.pick(regions);
    const asked = this.#draw(client);
    const isRead = asked.type === "get" || asked.type === "list";
    const operation: Operation = {
      client: client.name,
      asked,
      consistency: isRead ? this.#consistency(client) : null,
      id: isRead ? null : nameOfCommand(...identityOf(client)),
      calledAt: world.now,
      returnedAt: null,
      reply: null,
      notApplied: false,
      hasty: !isRead && !client.keyed && world.chance(0.3),
      abandoned: false,
    };
    this.history.push(operation);
    this.#send(client, operation, this.#requestOf(client, operation), 1);
    if (!world.chance(0.01)) return;
    // It dies: its request is on its way, and somebody else takes its place.
    world.count("client-died", client.name);
    operation.abandoned = true;
    this.#later({ ...client, name: `${client.name}'`, known: new Map(), seen: revision(0), operations: 0 }, 100);
  }

  #draw(client: Client): Asked {
    const { world } = this.#cluster;
    const key = world.pick(keys);
    const type = world.pick(["put", "put", "put", "delete", "get", "get", "get", "list"] as const);
    switch (type) {
      case "put":
        return { type, key, value: `${client.name}.${client.operations}`, condition: this.#condition(client, key) };
      case "delete":
        return { type, key, condition: this.#condition(client, key) };
      case "get":
        return { type, key };
      case "list":
        return { type };
    }
  }

  #condition(client: Client, key: string): Condition {
    const { world } = this.#cluster;
    const known = client.known.get(key);
    switch (world.pick(["always", "always", "absent", "present", "unchanged"] as const)) {
      case "always":
        return { type: "always" };
      case "absent":
        return { type: "absent" };
      case "present":
        return { type: "present" };
      case "unchanged":
        return known === undefined ? { type: "always" } : { type: "unchanged-since", modRevision: known };
    }
  }

  #consistency(client: Client): Consistency {
    const { world } = this.#cluster;
    switch (world.pick(["linearizable", "linearizable", "session", "local"] as const)) {
      case "linearizable":
        return { type: "linearizable" };
      case "session":
        return { type: "session", atLeast: client.seen };
      case "local":
        return { type: "local", maxAgeMs: world.pick([null, 100, 2_000]) };
    }
  }

  #requestOf(client: Client, { asked, consistency, hasty }: Operation): ClientRequest {
    if (asked.type === "get" || asked.type === "list") {
      const query: Query =
        asked.type === "get"
          ? { type: "get", key: userKey(utf8(asked.key)) }
          : { type: "list", prefix, after: null, limit: 100, revision: null };
      return { type: "read", consistency: consistency ?? { type: "linearizable" }, query };
    }
    const key = userKey(utf8(asked.key));
    const life = client.keyed ? limits.idempotencyLifeMs : hasty ? 1_000 : limits.commandLifeMs;
    const [id, fingerprint] = identityOf(client);
    return {
      type: "write",
      id: requestId(id),
      deadline: logTime(this.#cluster.gateway(client.region).deadline(life)),
      ...(fingerprint === undefined ? {} : { fingerprint }),
      operation:
        asked.type === "delete"
          ? { type: "delete", key, condition: asked.condition }
          : { type: "put", key, value: utf8(asked.value), condition: asked.condition },
    };
  }

  #send(client: Client, operation: Operation, request: ClientRequest, attempt: number): void {
    const { world, regions } = this.#cluster;
    let open = true;
    const finish = (heard: Heard<ClientReply>): void => {
      if (!open) return;
      open = false;
      const unknown = heard === null || (heard.type === "problem" && heard.outcome === "unknown");
      if (unknown && client.keyed && operation.id !== null && attempt < 3 && world.chance(0.5)) {
        world.count("client-retry", client.name);
        if (world.chance(0.5)) client.region = world.pick(regions);
        return this.#send(client, operation, request, attempt + 1);
      }
      this.#end(client, operation, heard, attempt);
    };
    world.after(patienceMs, () => finish(null));
    this.#cluster.gateway(client.region).ask(request, finish);
  }

  #end(client: Client, operation: Operation, heard: Heard<ClientReply>, attempt: number): void {
    const { world } = this.#cluster;
    world.count(`client-${heard === null ? "lost" : heard.type === "problem" ? heard.code : heard.answer.type}`);
    if (operation.abandoned) return;
    operation.returnedAt = world.now;
    if (heard?.type === "answer") this.#note(client, operation, heard.answer);
    // A refusal speaks of its own attempt, not of earlier ones that nobody answered for (U1).
    if (heard !== null && isRefusal(heard) && attempt === 1) operation.notApplied = true;
    this.#later(client, 150);
  }

  #note(client: Client, operation: Operation, reply: ClientReply): void {
    operation.reply = reply;
    if (reply.type === "outcome" && reply.outcome.type === "id-reused") this.#cluster.world.count("id-reused");
    if ("revision" in reply) this.#cluster.world.count("answer", `${client.name} ${reply.revision}`);
    const { asked } = operation;
    if (reply.type !== "outcome" && reply.type !== "result") return;
    client.seen = revision(Math.max(client.seen, reply.revision));
    if (reply.type === "outcome" && reply.outcome.type === "put" && asked.type === "put")
      client.known.set(asked.key, reply.outcome.revision);
    if (reply.type === "result" && reply.result.type === "entry" && reply.result.entry !== null && asked.type === "get")
      client.known.set(asked.key, reply.result.entry.modRevision);
  }
}

/** As `workers/gateway/writes.ts` tells it to the client. */
const isRefusal = (heard: Exclude<Heard<ClientReply>, null>): boolean =>
  heard.type === "problem"
    ? heard.outcome === "not-applied"
    : heard.answer.type === "outcome" && ["past-deadline", "deadline-too-far"].includes(heard.answer.outcome.type);

/** Who chooses its own ids errs now and then: every ninth is the one before, for another request (X1). */
function identityOf({ name, keyed, operations }: Client): readonly [string, string | undefined] {
  const reused = keyed && operations % 9 === 0;
  return [`${name}.${reused ? operations - 1 : operations}`, keyed ? `f${operations}` : undefined];
}
