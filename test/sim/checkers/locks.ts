/**
 * K1: no two replicas show two holders of a lock at one revision, tokens never go back, nothing guarded is carried out but
 * under the token that holds the lock at that slot, and so what is counted under a lock is never lost. After healing
 * everybody who waits gets on.
 */
import type { ByteString } from "../../../src/support/brand.ts";
import { allOf, rangeStart } from "../../../src/store/ranges.ts";
import type { Store } from "../../../src/store/store.ts";
import { prefixRange } from "../../../src/store/transaction.ts";
import { locks } from "../actors/lock-holders.ts";
import { firstPlace } from "../replay/plain-keys.ts";
import type { CheckerOf, Scene } from "./checker.ts";
import { violated } from "./checker.ts";
import { replayOf, sameStory } from "./replay.ts";

const text = new TextDecoder();
/** A holder's lease, the skew, the time until its end is looked for, and a change of leader. */
const lapseMs = 6_500;

export const lockSafety: CheckerOf = (scene) => {
  /** By lock and revision: the holder's token, 0 when nobody holds it. */
  const holders = new Map<ByteString, Map<number, { readonly token: number; readonly region: string }>>();
  const look = (): void => {
    for (const { region, store, up } of scene.cluster.replicas.values()) {
      if (!up || store.loading || !store.exists) continue;
      for (const { queue, counter } of locks) {
        const token = holderIn(store, queue);
        const known = holders.get(queue) ?? new Map<number, { readonly token: number; readonly region: string }>();
        holders.set(queue, known);
        const before = known.get(store.revision);
        if (before !== undefined && before.token !== token)
          violated(
            "K1",
            `at revision ${store.revision} ${token} holds ${queue} in ${region}, and ${before.token} in ${before.region}`,
          );
        known.set(store.revision, { token, region });
        const counted = store.get(counter);
        if (counted !== null && Number(text.decode(counted.value)) !== counted.version)
          violated("K1", `${counter} was counted up ${counted.version} times, and is ${text.decode(counted.value)}`);
      }
    }
  };
  return {
    moment: look,
    end() {
      look();
      for (const [queue, known] of holders) {
        let highest = 0;
        for (const [revision, { token }] of [...known].toSorted(([a], [b]) => a - b)) {
          if (token !== 0 && token < highest)
            violated("K1", `${token} holds ${queue} at revision ${revision}, after ${highest}`);
          highest = Math.max(highest, token);
        }
      }
      judgeTokens(scene);
      judgeGuards(scene);
      judgeWaiting(scene);
    },
  };
};

function holderIn(store: Store, queue: ByteString): number {
  const found = store.range({ ...allOf(prefixRange(queue)), limit: 1 }, rangeStart, { limit: 1, maxBytes: Infinity });
  return "type" in found ? 0 : (found.entries[0]?.createRevision ?? 0);
}

/** Who took a place after somebody else had been given one has the higher token. */
function judgeTokens({ desk }: Scene): void {
  const places = desk.asked.flatMap(({ request, reply, calledAt, returnedAt }) => {
    if (request.type !== "write" || request.operation.type !== "enqueue" || reply?.type !== "outcome") return [];
    const { outcome } = reply;
    if (outcome.type !== "enqueued" || returnedAt === null) return [];
    const { token, created } = outcome;
    // Who had the place already is told its old token.
    if (!created) return [];
    return [{ queue: request.operation.queue, lease: request.operation.lease.id, token, calledAt, returnedAt }];
  });
  for (const place of places) {
    const earlier = places.filter((other) => other.queue === place.queue && other.returnedAt < place.calledAt);
    const overtaken = earlier.find(({ token, lease }) => token >= place.token && lease !== place.lease);
    if (overtaken !== undefined)
      violated("K1", `${place.lease} was given ${place.token}, after ${overtaken.lease} had ${overtaken.token}`);
  }
}

function judgeGuards(scene: Scene): void {
  const { cluster, desk, chosen } = scene;
  const { model, carried } = replayOf(chosen);
  const story = sameStory(scene);
  for (const { id, request, reply } of desk.asked) {
    if (request.type !== "write" || request.guard === undefined || reply?.type !== "outcome" || id === null) continue;
    const place = carried.get(id);
    if (place === undefined || place.slot > story.slot) continue;
    const { queue, token } = request.guard;
    const keys = model.past[place.before];
    const holder = keys === undefined ? null : (firstPlace(keys, queue)?.createRevision ?? null);
    const wasHeld = holder === token;
    const wasDone = reply.outcome.type === "put";
    cluster.world.count(wasDone ? "guard-held" : "guard-refused");
    if (wasDone !== wasHeld)
      violated(
        "K1",
        `${id} with token ${token} was ${wasDone ? "carried out" : "refused"} while ${holder} held ${queue}`,
      );
  }
}

function judgeWaiting({ cluster, lockHolders, healthyFrom }: Scene): void {
  const { stays } = lockHolders;
  const open = stays.filter(({ endedAt }) => endedAt === null);
  if (open.length > 0) violated("liveness", `${open.length} clients never ended with their locks`);
  // A lease renewed by a wild clock may last for hours.
  if (["wild", "set-back"].includes(cluster.swarm.clocks)) return;
  for (const { client, lock, token, heldAt, since, endedAt } of stays) {
    if (heldAt !== null || endedAt === null) continue;
    const ahead = stays.filter((other) => other.lock === lock && other.token < token).map(({ renewedAt }) => renewedAt);
    const from = Math.max(since, healthyFrom(), ...ahead);
    if (endedAt - from > lapseMs)
      violated(
        "liveness",
        `${client} waited from ${from} to ${endedAt} for ${lock.queue}, and everybody before it is silent`,
      );
  }
}
