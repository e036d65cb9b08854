/** One replica's core on a real store, stepped event by event: what it sent and replied is kept for the test to look at. */
import { instant, requestId, slot } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { seededRandom } from "../../../src/support/random.ts";
import type { Random } from "../../../src/support/random.ts";
import { membersOf } from "../../../src/paxos/membership.ts";
import type { Members } from "../../../src/paxos/membership.ts";
import type { Identity } from "../../../src/paxos/messages.ts";
import type {
  ClientReply,
  ClientRequest,
  PeerReply,
  ReadRequest,
  WriteRequest,
} from "../../../src/replica/messages.ts";
import { Replica } from "../../../src/replica/replica.ts";
import type { Event, Send, TurnOutcome } from "../../../src/replica/turn.ts";
import { userKey } from "../../../src/store/key-space.ts";
import { Store } from "../../../src/store/store.ts";
import { NodeSql } from "../../support/node-sql.ts";

export const regions = ["wnam", "enam", "weur"];
export const members = membersOf(regions.map((region) => ({ region, incarnation: `i-${region}` })));

const key = userKey(utf8("a"));
export const read: ReadRequest = {
  type: "read",
  consistency: { type: "linearizable" },
  query: { type: "get", key },
};
export const write: WriteRequest = {
  type: "write",
  id: requestId("w"),
  operation: { type: "put", key, value: utf8("1"), condition: { type: "always" } },
};

export class Bench {
  now = 1_800_000_000_000;
  readonly sql = new NodeSql();
  readonly store = new Store(this.sql);
  readonly replica: Replica;

  constructor(random: Random = seededRandom(1), members: Members | null = null) {
    this.replica = new Replica({
      place: { cluster: "c", namespace: "n", region: "wnam", acceptorRegions: regions, replicaRegions: regions },
      store: this.store,
      random,
      round: 0,
      members,
    });
  }

  readonly sent: Send[] = [];
  readonly replies: TurnOutcome["reply"][number][] = [];

  step(event: Event): TurnOutcome {
    const outcome = this.replica.step(event, instant(this.now));
    this.sent.push(...outcome.send);
    this.replies.push(...outcome.reply);
    return outcome;
  }
  ask(handle: number, request: ClientRequest): TurnOutcome {
    return this.step({ type: "client", handle, request });
  }
  /** The founding question that is open to a region, answered. */
  identify(region: string, identity: Identity | null): void {
    const call = this.sent.findLast((s) => s.to.kind === "acceptor" && s.to.region === region)?.call ?? 0;
    this.step({ type: "acceptor-answer", call, reply: identity === null ? null : { type: "identity", identity } });
  }
  peerAnswers(reply: PeerReply | null): void {
    const call = this.sent.findLast((s) => s.to.kind === "replica")?.call ?? 0;
    this.step({ type: "replica-answer", call, reply });
  }
  /** All acceptors that were asked say that they have promised and voted for nothing. */
  acceptorsHaveNothing(): void {
    for (const { call } of this.sent.splice(0)) {
      const extent = { floor: slot(0), highest: slot(0), next: null };
      const body = { type: "standing", promised: null, votes: [], ...extent } as const;
      this.step({ type: "acceptor-answer", call, reply: { type: "protocol", counter: 1, body } });
    }
  }
  /** A peer pushes what was chosen next. */
  learn(...values: readonly string[]): TurnOutcome {
    const first = this.store.appliedSlot + 1;
    const entries = values.map((value, at) => ({ slot: slot(first + at), value }));
    return this.step({ type: "peer", handle: 0, from: "enam", request: { type: "learn", entries, leader: "enam" } });
  }
  get answered(): readonly number[] {
    return this.replies.map((r) => r.handle);
  }
  /** What a client was answered, once. */
  answer(handle: number): ClientReply | null {
    const found = this.replies.filter((reply) => reply.handle === handle);
    if (found.length > 1) throw new Error(`${handle} was answered ${found.length} times`);
    return (found[0]?.body as ClientReply | undefined) ?? null;
  }
}
