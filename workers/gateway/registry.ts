/**
 * What all doors to the registry share: looking up, and registering, renewing, removing and setting checks, one by one or
 * many in one message to a replica. Knows no door's words: each door makes registrations of what its clients send, and
 * shows what comes of them. Every change is told its own outcome (SPEC U1).
 */
import { assert } from "../../src/support/assert.ts";
import { requestId, revision } from "../../src/support/brand.ts";
import type { Revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import * as keys from "../../src/registry/keys.ts";
import type {
  CheckName,
  CheckState,
  InstanceName,
  InstancePlace,
  InstanceView,
  Lookup,
  NodeCheck,
  NodeName,
  NodeRecord,
  Registration,
} from "../../src/registry/model.ts";
import * as operations from "../../src/registry/register.ts";
import type { Consistency, ReadRequest, RegistryResult, WriteRequest } from "../../src/replica/messages.ts";
import type { Guard, Operation, Outcome } from "../../src/store/command.ts";
import { startOf } from "../../src/store/events.ts";
import type { Compare, KeyRange } from "../../src/store/transaction.ts";
import { askBatch } from "./batches.ts";
import type { Part } from "./batches.ts";
import { armCheckers } from "./checkers.ts";
import type { Announced } from "./checkers.ts";
import { freshIdentity } from "./identity.ts";
import type { WriteIdentity } from "./identity.ts";
import { Problem } from "./problems.ts";
import { read } from "./reads.ts";
import type { Read } from "./reads.ts";
import type { Visit } from "./visit.ts";
import { happenings } from "./watching.ts";
import { refusal, writeRequest } from "./writes.ts";

// --- reading ---

export const lookUp = async (visit: Visit, consistency: Consistency, lookup: Lookup): Promise<Read<"instances">> =>
  read(visit, consistency, { type: "instances", lookup }, "instances");

export { everything } from "../../src/registry/lookup.ts";

type Query = Extract<ReadRequest["query"], { readonly type: RegistryResult["type"] }>;

/**
 * First what the nearest replica knows, and only if that is nothing what everybody knows: who was registered a moment ago
 * at another replica is found too.
 */
async function find<Type extends RegistryResult["type"]>(
  visit: Visit,
  query: Query & { readonly type: Type },
  isFound: (result: Extract<RegistryResult, { readonly type: Type }>) => boolean,
): Promise<Read<Type>> {
  const near = await read(visit, { type: "local", maxAgeMs: limits.lookupStaleMs }, query, query.type);
  if (isFound(near.result as never)) return near as Read<Type>;
  return (await read(visit, { type: "linearizable" }, query, query.type)) as Read<Type>;
}

/** An instance of which something holds: one of which it does not is looked for again, as one that is not there. */
async function instanceWith(
  visit: Visit,
  node: NodeName,
  instance: InstanceName,
  holds: (found: InstanceView) => boolean,
): Promise<InstanceView | null> {
  const query = { type: "instance", node, instance } as const;
  const { result } = await find(visit, query, (found) => found.instance !== null && holds(found.instance));
  return result.instance;
}

/**
 * Waits for something to change in any of these ranges after a revision.
 * @returns the revision of the change, or null when there was none in time, or nobody waits any more.
 */
export async function waitForChange(
  visit: Visit,
  ranges: readonly KeyRange[],
  since: Revision,
  waitMs: number,
  signal?: AbortSignal,
): Promise<Revision | null> {
  const [range, ...also] = ranges;
  assert(range !== undefined, "who waits, waits for something");
  const kinds = { puts: true, deletes: true, previous: false };
  const followed = { range, ...(also.length === 0 ? {} : { also }), ...kinds };
  const until = visit.now() + waitMs;
  for (let from = startOf(since + 1); ;) {
    const left = until - visit.now();
    if (left <= 0 || signal?.aborted === true) return null;
    try {
      const { events, next } = await happenings(visit, followed, from, Math.min(left, limits.watchWaitMs), 1);
      const [event] = events;
      if (event !== undefined) return event.entry.modRevision;
      from = next;
    } catch (error) {
      // Where history is gone, a look at what there is tells.
      if (error instanceof Problem && error.code === "revision-compacted") return from.revision;
      throw error;
    }
  }
}

// --- changing ---

/** One thing to be done, as several operations of which the first tells what came of it. */
interface Change {
  readonly operations: readonly Operation[];
  /** Why it could not be carried out, beyond what every write is refused for; null when it was. */
  readonly problem: (outcome: Outcome) => Problem | null;
}

/** Who changes something: under which ids, and holding which lock. Without one, the gateway by itself. */
export interface Author {
  readonly guard: Guard | null;
  identify(index: number): Promise<WriteIdentity> | WriteIdentity;
}

const anybody = ({ random }: Visit): Author => ({ guard: null, identify: () => freshIdentity(random) });

export type Result =
  | { readonly type: "done"; readonly outcome: Outcome; readonly revision: Revision; readonly region: string }
  | { readonly type: "problem"; readonly problem: Problem };

const refused = (problem: Problem): Result => ({ type: "problem", problem });

export type Task =
  | { readonly type: "register"; readonly registration: Registration }
  | { readonly type: "renew"; readonly place: InstancePlace }
  /** `onlyIf`: else nothing is removed, and its outcome says so. */
  | { readonly type: "deregister"; readonly place: InstancePlace; readonly onlyIf?: readonly Compare[] };

/**
 * Everything in one message to a replica, as long as it fits: normally one slot of the log, whatever is in it.
 * @returns what came of each, in order. @throws {Problem} when no replica answered at all.
 */
export async function carryOutAll(
  visit: Visit,
  tasks: readonly Task[],
  author: Author = anybody(visit),
): Promise<readonly Result[]> {
  await armCheckers(visit, tasks.flatMap(announcedBy));
  const named = await namedChecks(visit, tasks);
  return changeAll(
    visit,
    tasks.map((task, index) => changeOf(task, named.get(index) ?? [])),
    author,
  );
}

const announcedBy = (task: Task): readonly Announced[] => {
  if (task.type !== "register") return [];
  const { region, checks } = task.registration.record;
  return checks.map((definition) => ({ region, definition }));
};

function changeOf(task: Task, named: readonly CheckName[]): Change {
  switch (task.type) {
    case "register":
      return { operations: operations.register(task.registration), problem: () => null };
    case "renew":
      return { operations: [operations.renew(task.place)], problem: (outcome) => missing(outcome, task.place) };
    case "deregister":
      return { operations: [operations.deregister(task.place, named, task.onlyIf)], problem: () => null };
  }
}

/** An instance that is not there has no lease, and fails what its transaction rests on. */
function missing(outcome: Outcome, { instance }: Pick<InstancePlace, "instance">): Problem | null {
  const gone =
    (outcome.type === "refused" && outcome.why === "lease-not-found") || (outcome.type === "txn" && !outcome.succeeded);
  return gone ? new Problem("instance-not-found", `no instance ${instance} is registered here`) : null;
}

export const registerAll = async (visit: Visit, registrations: readonly Registration[], author?: Author) =>
  carryOutAll(
    visit,
    registrations.map((registration) => ({ type: "register", registration })),
    author,
  );
export const deregisterAll = async (visit: Visit, places: readonly InstancePlace[], author?: Author) =>
  carryOutAll(
    visit,
    places.map((place) => ({ type: "deregister", place })),
    author,
  );

/** Whether a removal found something to remove. */
export const existed = (outcome: Outcome): boolean => outcome.type === "txn" && outcome.succeeded;

/**
 * The checks that are found by an index, of the instances to be removed: their index goes with them. Asked of everybody: a
 * replica that is behind would leave some that nobody removes any more, under a lease that may never end.
 * @throws {Problem} when nobody can say.
 */
async function namedChecks(visit: Visit, tasks: readonly Task[]): Promise<ReadonlyMap<number, readonly CheckName[]>> {
  const removed = tasks.flatMap((task, index) => (task.type === "deregister" ? [{ index, place: task.place }] : []));
  const most = 2 * limits.checksPerInstance;
  const reads = removed.map(({ place }): ReadRequest => {
    const query = { type: "lease", lease: keys.instanceLease(place), keys: most } as const;
    return { type: "read", consistency: { type: "linearizable" }, query };
  });
  const parts = await inMessages(visit, reads);
  return new Map(
    removed.map(({ index }, at) => {
      const part = parts[at];
      if (part?.type === "problem") {
        const { code, message, particulars } = part.problem;
        throw new Problem(code, message, { ...particulars, outcome: "not-applied" });
      }
      const found = part?.reply.type === "result" ? part.reply.result : null;
      const stored = found?.type === "lease" ? found.keys : [];
      return [index, stored.map(keys.indexedCheck).filter((check) => check !== null)];
    }),
  );
}

async function changeAll(visit: Visit, changes: readonly Change[], author: Author): Promise<readonly Result[]> {
  const identities = await Promise.all(changes.map(async (_, index) => author.identify(index)));
  const requests = changes.map(({ operations: steps }, index) => {
    const identity = identities[index];
    assert(identity !== undefined, "every change has an identity");
    return steps.map((operation, step) =>
      writeRequest(visit, { identity: ofStep(identity, step), guard: author.guard, operation }),
    );
  });
  const parts = await inMessages(visit, requests.flat());
  let at = 0;
  return changes.map((change) => {
    const own = parts.slice(at, at + change.operations.length);
    at += change.operations.length;
    return resultOf(change, own);
  });
}

/** The steps of one change are told from each other, and known again when the change comes again. */
function ofStep({ id, order, fingerprint }: WriteIdentity, step: number): WriteIdentity {
  const known = fingerprint === undefined ? {} : { fingerprint };
  if (step > 0) return { id: requestId(`${id}/${step}`), ...known };
  return { id, ...known, ...(order === undefined ? {} : { order }) };
}

/** One message after the other: what belongs together stands in order. */
async function inMessages(visit: Visit, requests: readonly (WriteRequest | ReadRequest)[]): Promise<readonly Part[]> {
  const parts: Part[] = [];
  for (let from = 0; from < requests.length; from += limits.batchCommands) {
    const some = requests.slice(from, from + limits.batchCommands);
    parts.push(...(await askOrFail(visit, some, from > 0)));
  }
  return parts;
}

/** @param begun something was answered before: then a failure is told of each of these, and not of all. */
async function askOrFail(
  visit: Visit,
  requests: readonly (WriteRequest | ReadRequest)[],
  begun: boolean,
): Promise<readonly Part[]> {
  try {
    return await askBatch(visit, requests);
  } catch (error) {
    if (!begun || !(error instanceof Problem)) throw error;
    return requests.map((): Part => ({ type: "problem", problem: error }));
  }
}

function resultOf({ problem }: Change, [first, ...others]: readonly Part[]): Result {
  assert(first !== undefined, "a change has a first step");
  // A step that was not carried out is one that may be asked for again.
  const failed = [first, ...others].find((part) => part.type === "problem");
  if (failed !== undefined) return refused(failed.problem);
  assert(first.type === "answer" && first.reply.type === "outcome", "a write is answered with an outcome");
  const { region, inDoubt, reply } = first;
  const why = problem(reply.outcome);
  if (why !== null) return refused(why);
  if (!carriedOut.includes(reply.outcome.type)) return refused(refusal(reply.outcome, inDoubt));
  // Who reads at this revision sees all of it.
  const after = [first, ...others].map((part) => (part.type === "answer" ? part.reply.revision : reply.revision));
  return { type: "done", outcome: reply.outcome, revision: revision(Math.max(...after)), region };
}

const carriedOut: readonly Outcome["type"][] = ["put", "deleted", "txn", "renewed"];

/** @throws {Problem} when it was not carried out. */
async function changeOne(visit: Visit, change: Change, author: Author): Promise<Extract<Result, { type: "done" }>> {
  const [result] = await changeAll(visit, [change], author);
  assert(result !== undefined, "one change has one result");
  if (result.type === "problem") throw result.problem;
  return result;
}

/** A check's name on its node, or of the one instance that the door knows it to be of. */
export interface CheckAddress {
  readonly node: NodeName;
  readonly check: CheckName;
  readonly of?: InstancePlace;
}

type Kind = InstanceView["checks"][number]["kind"];
/** Those that clients may set. */
const settable: readonly Kind[] = ["ttl", "plain"];

/**
 * What a check says now. @param kinds those that may be set by whoever asks.
 * @throws {Problem} `check-not-found`, `check-not-settable`.
 */
export async function setCheck(
  visit: Visit,
  address: CheckAddress,
  state: CheckState,
  author: Author = anybody(visit),
  kinds: readonly Kind[] = settable,
): Promise<Extract<Result, { type: "done" }>> {
  const { instance, definition } = await findCheck(visit, address);
  if (!kinds.includes(definition.kind)) {
    const detail = `the check ${definition.check} is of kind ${definition.kind}; only ${kinds.join(" and ")} can be set`;
    throw new Problem("check-not-settable", detail);
  }
  if (instance === null) {
    const operation = operations.setNodeState(address.node, definition, state);
    return changeOne(visit, { operations: [operation], problem: () => null }, author);
  }
  const operation = operations.setState(instance, instance, definition, state);
  return changeOne(visit, { operations: [operation], problem: (outcome) => missing(outcome, instance) }, author);
}

async function findCheck(
  visit: Visit,
  { node, check, of }: CheckAddress,
): Promise<{ readonly instance: InstanceView | null; readonly definition: InstanceView["checks"][number] }> {
  if (of !== undefined) {
    const isMeant = (one: InstanceView): boolean => one.service === of.service;
    const own = (one: InstanceView) => one.checks.find((each) => each.check === check);
    const found = await instanceWith(visit, node, of.instance, (one) => isMeant(one) && own(one) !== undefined);
    if (found === null || !isMeant(found)) {
      throw new Problem("instance-not-found", `no instance ${of.instance} of ${of.service} is registered`);
    }
    const definition = own(found);
    if (definition !== undefined) return { instance: found, definition };
  } else {
    const { result } = await find(visit, { type: "check", node, check }, (found) => found.check !== null);
    if (result.check !== null) return { instance: result.instance, definition: result.check.view.definition };
  }
  throw new Problem("check-not-found", `there is no check ${check}`);
}

/** @param reason null: in service again. @throws {Problem} `instance-not-found`. */
export async function setMaintenance(
  visit: Visit,
  place: InstancePlace,
  reason: string | null,
  author: Author = anybody(visit),
): Promise<Extract<Result, { type: "done" }>> {
  const operation = operations.setMaintenance(place, reason);
  return changeOne(visit, { operations: [operation], problem: (outcome) => missing(outcome, place) }, author);
}

// --- nodes ---

const plainly = (steps: readonly Operation[]): Change => ({ operations: steps, problem: () => null });

/** A node, and checks of its own; either may be left out. */
export const putNode = async (
  visit: Visit,
  node: NodeName,
  record: NodeRecord | null,
  checks: readonly NodeCheck[] = [],
  author: Author = anybody(visit),
) => {
  await armCheckers(
    visit,
    checks.map(({ definition }) => ({ region: null, definition })),
  );
  return changeOne(
    visit,
    plainly([
      ...(record === null ? [] : [operations.putNode(record)]),
      ...checks.flatMap((check) => operations.putNodeCheck(node, check)),
    ]),
    author,
  );
};

/** The node with all that stands on it. @returns how many instances went with it. */
export async function deregisterNode(visit: Visit, node: NodeName, author: Author = anybody(visit)): Promise<number> {
  let removed = 0;
  for (let more = true; more;) {
    const { result } = await read(visit, { type: "linearizable" }, { type: "node", node }, "node");
    const results = await deregisterAll(visit, result.instances);
    const failed = results.find((one) => one.type === "problem");
    if (failed !== undefined) throw failed.problem;
    removed += results.length;
    ({ more } = result);
  }
  await changeOne(visit, plainly([operations.removeNode(node)]), author);
  return removed;
}

export const deregisterNodeCheck = async (
  visit: Visit,
  node: NodeName,
  check: CheckName,
  author: Author = anybody(visit),
) => changeOne(visit, plainly([operations.removeNodeCheck(node, check)]), author);
