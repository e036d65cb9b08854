/**
 * S1-S6: the registry, judged by what those were told who live by it. Whoever renewed in time is found, and as well as its
 * owner says; whoever fell silent goes; a lookup, however fresh, shows what a plain model reads from the log at the same
 * revision; an index tells one answer from another; and who waits is told of the first change, and of nothing else.
 */
import { limits } from "../../../src/support/limits.ts";
import type { KeyRange } from "../../../src/store/transaction.ts";
import type { Look } from "../actors/registry-desk.ts";
import { canonical } from "../replay/canonical.ts";
import { PlainRegistry } from "../replay/plain-registry.ts";
import { isWithin } from "../replay/plain-keys.ts";
import type { PlainStore } from "../replay/plain-store.ts";
import type { CheckerOf, Scene } from "./checker.ts";
import { violated } from "./checker.ts";
import { mayBeginAt } from "./compaction.ts";
import { judgeInstances, judgeServices, shownInstance } from "./registry-answers.ts";
import { replayOf, sameStory } from "./replay.ts";
import type { Replay } from "./replay.ts";

/** How long after a change was chosen who waits for it is told, once nothing is wrong any more. */
const promptMs = 2_000;
/** How long after it might have ended a lease is there at most, once nothing is wrong any more. */
const tardyMs = 6_000;

export const registry: CheckerOf = (scene) => ({
  end() {
    if (scene.registry.looks.length === 0) return;
    judgeSights(scene);
    judgeIndices(scene);
    judgeLooks(scene);
    judgeWaits(scene);
    judgeOrder(scene);
    judgeKeys(scene);
    judgeEnds(scene);
  },
});

/** Nothing is promised about when leases end where clocks are wild, or were set back. */
const isTimely = ({ swarm: { clocks } }: Scene["cluster"]): boolean => clocks === "true" || clocks === "skewed";

/** S1, S3: by what clients were told alone. */
function judgeSights({ cluster, registry: { sights, doubled } }: Scene): void {
  if (!isTimely(cluster)) return;
  for (const { who, instance, service, returnedAt, dueAt, found, expected } of sights) {
    if (returnedAt > dueAt) continue;
    const where = `${who} looked for ${instance} of ${service} at ${returnedAt}, renewed until ${dueAt}`;
    if (found === undefined) violated("S1", `${where}: it is missing`);
    cluster.world.count("sight-checked", instance);
    if (expected === null) continue;
    if (expected.tags.join() !== found.tags.join()) violated("S1", `${where}: it has the tags ${found.tags.join()}`);
    if (expected.status === null) continue;
    cluster.world.count("status-checked", instance);
    if (expected.status !== found.status)
      violated("S1", `${where}: it is ${found.status}, and was told to be ${expected.status}`);
  }
  for (const { instance, returnedAt, dueAt } of doubled) {
    if (returnedAt <= dueAt)
      violated("S3", `${instance} was registered under a second service at ${returnedAt}, alive until ${dueAt}`);
  }
}

/** S4: every answer is that of the plain model, at the same revision. */
function judgeLooks(scene: Scene): void {
  const replay = replayOf(scene.chosen);
  const { model } = replay;
  const story = sameStory(scene);
  const plain = new Map<number, PlainRegistry>();
  for (const look of scene.registry.looks) {
    const { who, query, consistency, result, revision } = look;
    if (revision > story.revision) continue;
    if (consistency.type === "session" && revision < consistency.atLeast)
      violated("R3", `${who} asked for ${consistency.atLeast} and was served at ${revision}`);
    const [keys, suspects] = [model.past[revision], model.suspects[revision]];
    if (keys === undefined || suspects === undefined)
      violated("S4", `${who} was served at ${revision}, of which nobody knows`);
    const known = plain.get(revision) ?? new PlainRegistry(keys, suspects);
    plain.set(revision, known);
    scene.cluster.world.count("lookup-checked", who);
    const where = `${who} at revision ${revision}`;
    if (query.type === "instances" && result.type === "instances") {
      judgeInstances(where, query.lookup, result, known);
      if (result.instances.some(({ suspect }) => suspect)) scene.cluster.world.count("suspect-shown");
    }
    if (query.type === "services" && result.type === "services") judgeServices(where, query, result, known);
    if (query.type === "instance" && result.type === "instance") {
      const expected = known.instance(query.node, query.instance);
      const [shown, right] = [result.instance, expected].map((one) => (one === null ? "nobody" : shownInstance(one)));
      if (shown !== right) violated("S4", `${where} ${query.instance} is shown as ${shown}; the log says ${right}`);
    }
    judgeIndex(scene, replay, look);
  }
}

/** S5: not below the newest change of what the answer rests on; nor above it, but for what may have been deleted since. */
function judgeIndex(scene: Scene, replay: Replay, { who, result, revision, returnedAt }: Look): void {
  const newest = lastChange(replay.model, result.ranges, revision);
  const { index } = result;
  const where = `${who} at revision ${revision} was told the index ${index}`;
  if (index < newest) violated("S5", `${where}; there was a change at ${newest}`);
  if (index > Math.max(1, newest) && index >= mayBeginAt(scene, replay, returnedAt))
    violated("S5", `${where}; nothing changed after ${newest}`);
}

function lastChange(model: PlainStore, ranges: readonly KeyRange[], upTo: number): number {
  for (let at = upTo; at > 0; at -= 1) {
    if (concerns(model, ranges, at)) return at;
  }
  return 0;
}

const concerns = (model: PlainStore, ranges: readonly KeyRange[], at: number): boolean =>
  model.changes[at]?.some(({ key }) => ranges.some((range) => isWithin(range, key))) ?? false;

/** S5: one question, one index, one answer; whoever has it need not be told again. By answers alone. */
function judgeIndices({ cluster, registry: { looks } }: Scene): void {
  const known = new Map<string, Look>();
  for (const look of looks) {
    const { query, result } = look;
    const name = `${result.index} ${JSON.stringify(query)}`;
    const other = known.get(name);
    known.set(name, look);
    if (other === undefined) continue;
    cluster.world.count("index-checked", look.who);
    const [before, now] = [other.result, result].map((one) => canonical({ ...one, ranges: null }));
    if (before !== now)
      violated(
        "S5",
        `${name} is answered with ${before} at revision ${other.revision}, and with ${now} at ${look.revision}`,
      );
  }
}

/** S6: who waited was told of the first change after the place it waited from; early of nothing else, and soon. */
function judgeWaits(scene: Scene): void {
  const { cluster, chosen, healthyFrom } = scene;
  const replay = replayOf(chosen);
  const { model, stands } = replay;
  const story = sameStory(scene);
  for (const { who, ranges, since, calledAt, returnedAt, told } of scene.registry.waits) {
    if (since > story.revision || (told ?? 0) > story.revision) continue;
    let first = since + 1;
    while (first <= model.revision && !concerns(model, ranges, first)) first += 1;
    const where = `${who} waited from ${since} on, at ${calledAt}, until ${returnedAt}`;
    cluster.world.count(told === null ? "wait-over" : "wait-checked", who);
    if (told !== null && told !== first) {
      // Where history is gone it is told to look again.
      const kept = mayBeginAt(scene, replay, returnedAt);
      if (told >= kept || told > first)
        violated(
          "S6",
          `${where}, and was woken for ${told}; ${first <= model.revision ? first : "nothing"} was to be told`,
        );
    }
    if (first > model.revision || calledAt < healthyFrom()) continue;
    const chosenAt = chosen.chosenAt(stands.findIndex(({ revision }) => revision >= first));
    cluster.world.count("wait-delay-checked");
    if (returnedAt > Math.max(calledAt, chosenAt) + promptMs)
      violated("S6", `${where}, though ${first} was chosen at ${chosenAt}`);
  }
}

/** R1: whatever was acknowledged before a linearizable lookup began is in it. */
function judgeOrder({ cluster, registry: { looks } }: Scene): void {
  const byReturn = looks.toSorted((a, b) => a.returnedAt - b.returnedAt);
  let [highest, next] = [0, 0];
  for (const look of looks.toSorted((a, b) => a.calledAt - b.calledAt)) {
    for (let one = byReturn[next]; one !== undefined && one.returnedAt < look.calledAt; one = byReturn[next]) {
      highest = Math.max(highest, one.revision);
      next += 1;
    }
    if (look.consistency.type !== "linearizable") continue;
    cluster.world.count("lookup-order-checked");
    if (look.revision < highest)
      violated("R1", `${look.who} at ${look.calledAt} saw revision ${look.revision}; ${highest} was seen before`);
  }
}

/** S2, S3: what is in the log at all, whoever looks. Nothing is left in the end. */
function judgeKeys(scene: Scene): void {
  const { model } = replayOf(scene.chosen);
  const story = sameStory(scene);
  for (const [at, changes] of model.changes.entries()) {
    if (at > story.revision || !changes.some(({ key }) => key.startsWith("s"))) continue;
    const keys = model.past[at] ?? new Map();
    const { stands } = new PlainRegistry(keys, new Set());
    const names = stands.map(({ node, instance }) => `${node} ${instance}`);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) violated("S3", `at revision ${at} ${twice} stands under two services`);
    for (const { key, entry } of changes) {
      const [service = "", node = "", instance = ""] = key.split("\0");
      if (entry === null || entry.createRevision !== at || !node.startsWith("c") || service.startsWith("s!")) continue;
      const own = stands.some(
        (one) => `s${one.service} c${one.node} ${one.instance}` === `${service} ${node} ${instance}`,
      );
      if (!own) violated("S2", `at revision ${at} a check of ${instance} spoke, which was not there`);
    }
  }
  if (story.revision < Infinity || !isTimely(scene.cluster)) return;
  const left = [...model.keys.keys()].filter((key) => key.startsWith("s") && !/^s![nc]/.test(key));
  if (left.length > 0)
    violated("S2", `in the end there are still ${left.map((key) => JSON.stringify(key)).join(", ")}`);
}

/** S2, H1: whoever is silent goes soon after its time, or after its hold; and nobody unheld together with most of its herd. */
function judgeEnds({ cluster, chosen, healthyFrom, expiryGuard: { percent, atLeast } }: Scene): void {
  const { model } = replayOf(chosen);
  for (const { lease, by, slot, dueAt, held, herd } of model.ends) {
    if (by !== "expire" || !/^(instance|check)\//.test(lease)) continue;
    cluster.world.count("registry-end-checked", lease);
    if (!held && herd !== null && herd.leases >= atLeast && 100 * herd.missing > percent * herd.leases)
      violated("H1", `${lease} was not held, though ${herd.missing} of ${herd.leases} were missing with it`);
    const late = chosen.chosenAt(slot) - Math.max(dueAt + limits.maxSkewMs, healthyFrom());
    if (isTimely(cluster) && late > tardyMs)
      violated("S2", `${lease} was due at ${dueAt}, and ended ${late} ms after it could have`);
  }
  for (const { lease } of model.holds) if (lease.includes("/owner")) cluster.world.count("instance-held", lease);
}
