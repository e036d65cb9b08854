/**
 * V1, V2, V3, R1: the whole store, judged along the chosen log. The log gives the order, so nothing has to be searched for:
 * what began after something ended comes after it in the log, and every read, of one key, of a range, of a transaction, now
 * or in the past, shows exactly what the log says for its revision. Accounts always hold what they held together.
 */
import type { ClientReply, Query } from "../../../src/replica/messages.ts";
import type { Entry } from "../../../src/store/command.ts";
import { allOf, rangeStart } from "../../../src/store/ranges.ts";
import { accountRange, amountIn, total } from "../actors/accounts.ts";
import { canonical } from "../replay/canonical.ts";
import type { PlainStore } from "../replay/plain-store.ts";
import { rangeOf, readOnly } from "../replay/plain-transactions.ts";
import type { CheckerOf, Scene } from "./checker.ts";
import { violated } from "./checker.ts";
import { replayOf, sameStory } from "./replay.ts";
import type { Replay } from "./replay.ts";

export const transactions: CheckerOf = (scene) => ({
  moment() {
    for (const { region, store, up } of scene.cluster.replicas.values()) {
      if (!up || store.loading || !store.exists) continue;
      const found = store.range(allOf(accountRange), rangeStart, { limit: 100, maxBytes: Infinity });
      if (!("type" in found)) judgeAccounts(found.entries, `${region} at revision ${store.revision}`);
    }
  },
  end() {
    const replay = replayOf(scene.chosen);
    const story = sameStory(scene);
    for (const { client, request, reply } of scene.desk.asked) {
      if (request.type !== "read" || reply?.type !== "result" || reply.revision > story.revision) continue;
      judgeRead(replay.model, client, request.query, reply);
      scene.cluster.world.count("read-checked");
    }
    judgeOrder(scene, replay, story.revision);
  },
});

/** @throws {Error} unless all accounts are there, or none, and hold `total`; what one transfer wrote has one revision. */
function judgeAccounts(entries: readonly Entry[], where: string): void {
  if (entries.length === 0) return;
  const held = entries.map(({ value }) => amountIn(value));
  const sum = held.reduce((so, { amount }) => so + amount, 0);
  const shown = entries.map(({ key, modRevision }, i) => `${key}=${held[i]?.amount}@${modRevision}`).join(" ");
  if (sum !== total) violated("V2", `${where}: the accounts hold ${sum}, not ${total}: ${shown}`);
  const revisions = new Map<string, number>();
  for (const [i, { modRevision }] of entries.entries()) {
    const mark = held[i]?.mark ?? "";
    if ((revisions.get(mark) ?? modRevision) !== modRevision)
      violated("V1", `${where}: ${mark} made several revisions: ${shown}`);
    revisions.set(mark, modRevision);
  }
}

function judgeRead(
  model: PlainStore,
  client: string,
  query: Query,
  reply: Extract<ClientReply, { readonly type: "result" }>,
): void {
  const { result, revision } = reply;
  if (revision > model.revision) violated("R1", `${client} was served at revision ${revision}, which nobody made`);
  const at = query.type === "range" ? (query.range.revision ?? revision) : revision;
  const keys = model.past[at];
  if (keys === undefined) return;
  const expect = (told: unknown, expected: unknown): void => {
    const [shown, right] = [canonical(told), canonical(expected)];
    const rule = query.type === "range" && query.range.revision !== null ? "V3" : "V2";
    if (shown !== right) violated(rule, `${client} at revision ${at} was shown ${shown}; the log says ${right}`);
  };
  if (query.type === "get" && result.type === "entry") expect(result.entry, keys.get(query.key) ?? null);
  if (query.type === "transaction" && result.type === "transaction") {
    const { succeeded, responses } = result;
    expect({ succeeded, responses }, readOnly(keys, query.transaction));
  }
  if (query.type !== "range" || result.type !== "range") return;
  expect(result.range, rangeOf(keys, query.range));
  if (query.range.range.key === accountRange.key) judgeAccounts(result.range.entries, `${client} at revision ${at}`);
}

/** Something that ended, and where it stands in the log. */
interface Point {
  readonly what: string;
  readonly calledAt: number;
  readonly returnedAt: number;
  /** The store's revisions before and after it: equal for what changed nothing. */
  readonly before: number;
  readonly after: number;
  /** Null for reads, which have no place of their own. */
  readonly slot: number | null;
}

function judgeOrder({ cluster, desk, keys }: Scene, { carried }: Replay, upTo: number): void {
  const points = [...desk.asked, ...keys.history].flatMap((op): readonly Point[] => {
    const { client, id, calledAt, returnedAt, reply } = op;
    if (returnedAt === null || reply === null) return [];
    const times = { calledAt, returnedAt };
    if (reply.type === "result") {
      const consistency =
        "request" in op ? (op.request.type === "read" ? op.request.consistency : null) : op.consistency;
      const past = "request" in op && op.request.type === "read" && isPast(op.request.query);
      if (consistency?.type !== "linearizable" || past || reply.revision > upTo) return [];
      return [{ ...times, what: `${client}'s read`, before: reply.revision, after: reply.revision, slot: null }];
    }
    const place = id === null || reply.type !== "outcome" ? undefined : carried.get(id);
    if (place === undefined || canonical(place.outcome) !== canonical(reply.type === "outcome" ? reply.outcome : null))
      return [];
    const { before, after, slot } = place;
    return [{ ...times, what: `${client}'s ${place.command.operation.type}`, before, after, slot }];
  });
  const byReturn = points.toSorted((a, b) => a.returnedAt - b.returnedAt);
  let [revision, slot, next] = [0, 0, 0];
  for (const point of points.toSorted((a, b) => a.calledAt - b.calledAt)) {
    for (let ended = byReturn[next]; ended !== undefined && ended.returnedAt < point.calledAt; ended = byReturn[next]) {
      revision = Math.max(revision, ended.after);
      slot = Math.max(slot, ended.slot ?? 0);
      next += 1;
    }
    cluster.world.count("place-checked");
    if (point.before < revision || (point.slot !== null && point.slot < slot))
      violated(
        "R1",
        `${point.what} at ${point.calledAt} stands at revision ${point.before}, slot ${point.slot}; ` +
          `revision ${revision}, slot ${slot} were acknowledged before`,
      );
  }
}

const isPast = (query: Query): boolean => query.type === "range" && query.range.revision !== null;
