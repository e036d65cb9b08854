/**
 * Clients that do not wait: each sends a few numbered writes at once and goes on from where the store says it stands. Their
 * writes must take effect in the order they were sent, across every change of leader (X3).
 */
import { requestId } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { userKey } from "../../../src/store/key-space.ts";
import type { ClientReply } from "../../../src/replica/messages.ts";
import type { Cluster } from "../cluster.ts";
import { nameOfCommand } from "../history.ts";

const window = 4;

export class Pipelines {
  readonly #cluster: Cluster;
  #running = true;
  #attempts = 0;
  /** The revision that each numbered write of each session was told, once it was. */
  readonly revisions = new Map<string, Map<number, number>>();
  /** Ids of writes that were told to be not applied. */
  readonly refused: string[] = [];
  /** What writes were told, by the names of their commands. */
  readonly told: { readonly id: string; readonly reply: ClientReply }[] = [];
  /** When each session last heard that one of its writes took effect. */
  readonly advanced = new Map<string, number>();

  constructor(cluster: Cluster, clients: number) {
    this.#cluster = cluster;
    for (let i = 0; i < clients; i += 1) {
      const session = `s${i}`;
      this.revisions.set(session, new Map());
      this.advanced.set(session, 0);
      cluster.world.after(cluster.world.random.next() * 500, () => this.#send(session, 1));
    }
  }

  stop(): void {
    this.#running = false;
  }

  /** Sends `window` writes from `from` on, without waiting in between. */
  #send(session: string, from: number): void {
    if (!this.#running) return;
    const { world, regions } = this.#cluster;
    const node = this.#cluster.replica(world.pick(regions));
    let open = window;
    let next = from;
    const ended = (): void => {
      open -= 1;
      if (open === 0) world.after(world.random.next() * 400, () => this.#send(session, next));
    };
    for (let sequence = from; sequence < from + window; sequence += 1) {
      this.#attempts += 1;
      let answered = false;
      const key = userKey(utf8(`ordered-${session}`));
      const operation = {
        type: "put",
        key,
        value: utf8(`${session}.${sequence}`),
        condition: { type: "always" },
      } as const;
      const finish = (expected: number | null, revision: number | null): void => {
        if (answered) return;
        answered = true;
        if (expected !== null) next = Math.max(next, expected);
        if (revision !== null) this.#note(session, sequence, revision);
        ended();
      };
      world.after(6_000, () => finish(null, null));
      const id = requestId(`p${this.#attempts}`);
      node.ask({ type: "write", id, order: { session, sequence }, operation }, (reply) => {
        if (reply?.type === "failed" && reply.outcome === "not-applied") this.refused.push(id);
        if (reply?.type !== "outcome") return finish(null, null);
        this.told.push({ id: nameOfCommand(id, null), reply });
        if (reply.outcome.type === "put") finish(sequence + 1, reply.outcome.revision);
        else finish(reply.outcome.type === "out-of-order" ? reply.outcome.expected : null, null);
      });
    }
  }

  #note(session: string, sequence: number, revision: number): void {
    const known = this.revisions.get(session);
    if (known?.has(sequence) === true) throw new Error(`[X3] ${session} wrote number ${sequence} twice`);
    known?.set(sequence, revision);
    this.advanced.set(session, this.#cluster.world.now);
    this.#cluster.world.count("ordered-write");
  }
}
