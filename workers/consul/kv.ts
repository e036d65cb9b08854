/** `/v1/kv/{key}`: keys and values, with locks by sessions. The keys are those of `/kv`. */
import type { ByteString } from "../../src/support/brand.ts";
import { byteString, utf8 } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import type { Consistency } from "../../src/replica/messages.ts";
import { allOf } from "../../src/store/ranges.ts";
import { partsOf, pathBytes } from "../gateway/paths.ts";
import type { Call, Doors } from "./call.ts";
import { ConsulError } from "./errors.ts";
import { isUint64, pairOf, shownKey, shownPair } from "./pairs.ts";
import type { Pair } from "./pairs.ts";
import { blocking } from "./reading.ts";
import type { Found } from "./reading.ts";
import { lastChanges, snapshotOf } from "./snapshot.ts";
import { alone, besideKey, besideRange, keyOfPair, pairKey, pairRange } from "./space.ts";
import type { Step } from "./steps.ts";
import { carryOut, crowded, removeRegardless, removeTree, writeRegardless } from "./writing.ts";
import { releasesOf, rowsByKey } from "./world.ts";

export const kvDoors: Doors = { "kv/": { GET: get, PUT: put, DELETE: remove } };

const missingKey = (): ConsulError => new ConsulError(400, "Missing key name");

/** @throws {ConsulError} for one that is longer than any may be. */
export function checkedKey(bytes: Uint8Array): ByteString {
  if (bytes.length <= limits.keyBytes) return byteString(bytes);
  throw new ConsulError(400, `a key has at most ${limits.keyBytes} bytes here, not ${bytes.length}`);
}

const keyIn = ({ rest }: Call): ByteString => checkedKey(pathBytes(rest));

// --- reading ---

async function get(call: Call): Promise<Response> {
  const key = keyIn(call);
  if (call.has("keys")) return names(call, key);
  if (call.has("recurse")) return tree(call, key);
  if (key === "") throw missingKey();
  const ranges = [alone(pairKey(key)), alone(besideKey("h", key))];
  return blocking(call, ranges, async (consistency) => one(call, key, consistency));
}

async function one(call: Call, key: ByteString, consistency: Consistency): Promise<Found> {
  const { visit } = call;
  const stored = [pairKey(key), besideKey("m", key), besideKey("h", key)];
  const read = await snapshotOf(
    visit,
    consistency,
    stored.map((name) => allOf(alone(name))),
  );
  const { revision, headers } = read;
  const [[pair = null] = [], [meta = null] = [], [holder = null] = []] = read.ranges;
  const rows = { pair, meta, holder };
  const releases = await releasesOf(visit, new Map([[key, rows]]), revision);
  const found = pairOf(key, rows, releases.get(key));
  if (found === null) {
    const [index = 0] = await lastChanges(visit, [alone(pairKey(key))], revision);
    return { index, revision, headers, status: 404 };
  }
  const index = found.modifyIndex;
  if (!call.has("raw")) return { index, revision, headers, body: [shownPair(found)] };
  return { index, revision, headers, raw: { bytes: found.value.slice(), headers: rawHeaders } };
}

/** Values are anybody's bytes: no browser may take them for a page. */
const rawHeaders = {
  "content-type": "text/plain",
  "x-content-type-options": "nosniff",
  "content-security-policy": "sandbox",
};

async function tree(call: Call, prefix: ByteString): Promise<Response> {
  const { visit } = call;
  const ranges = [pairRange(prefix), besideRange("h", prefix)];
  return blocking(call, ranges, async (consistency) => {
    const asked = [pairRange(prefix), besideRange("m", prefix), besideRange("h", prefix)].map(allOf);
    const { ranges: found, revision, headers } = await snapshotOf(visit, consistency, asked);
    const [pairs = [], metas = [], holders = []] = found;
    const rows = rowsByKey(pairs, metas, holders);
    const [changes, releases] = await Promise.all([
      lastChanges(visit, ranges, revision),
      releasesOf(visit, rows, revision),
    ]);
    const shown: Pair[] = [];
    for (const [key, each] of rows) {
      const pair = pairOf(key, each, releases.get(key));
      if (pair !== null) shown.push(pair);
    }
    const index = Math.max(...changes, ...shown.map(({ modifyIndex }) => modifyIndex));
    if (shown.length === 0) return { index, revision, headers, status: 404 };
    return { index, revision, headers, body: shown.map((pair) => shownPair(pair)) };
  });
}

async function names(call: Call, prefix: ByteString): Promise<Response> {
  const { visit } = call;
  const separator = byteString(utf8(call.parameter("separator") ?? ""));
  const ranges = [pairRange(prefix), besideRange("h", prefix)];
  return blocking(call, ranges, async (consistency) => {
    const asked = [{ ...allOf(pairRange(prefix)), keysOnly: true }];
    const { ranges: found, revision, headers } = await snapshotOf(visit, consistency, asked);
    const entries = found[0] ?? [];
    const changes = await lastChanges(visit, ranges, revision);
    const index = Math.max(...changes, ...entries.map(({ modRevision }) => modRevision));
    if (entries.length === 0) return { index, revision, headers, status: 404 };
    const keys = entries.map(({ key }) => rolledUp(keyOfPair(key), prefix, separator));
    return { index, revision, headers, body: [...new Set(keys)].map(shownKey) };
  });
}

/** A key up to the first separator after the prefix. */
function rolledUp(key: ByteString, prefix: ByteString, separator: ByteString): ByteString {
  const at = separator === "" ? -1 : key.indexOf(separator, prefix.length);
  return at < 0 ? key : (key.slice(0, at + separator.length) as ByteString);
}

// --- writing ---

const conditions = ["cas", "acquire", "release"] as const;

function refuseConflicts(call: Call, names: readonly string[]): void {
  if (names.filter((name) => call.has(name)).length <= 1) return;
  throw new ConsulError(400, `Conflicting flags: ${partsOf(call.request.url).query}`);
}

async function put(call: Call): Promise<Response> {
  const key = keyIn(call);
  if (key === "") throw missingKey();
  refuseConflicts(call, conditions);
  const flags = uint64In(call, "flags") ?? "0";
  const index = uint64In(call, "cas");
  const value = await call.body(limits.valueBytes);
  const writes = { key, value, flags };
  const [acquire, release] = [call.parameter("acquire"), call.parameter("release")];
  if (index !== null) return answerStep(call, { verb: "cas", index, ...writes });
  if (acquire !== null) return answerStep(call, { verb: "lock", session: acquire, ...writes });
  if (release !== null) return answerStep(call, { verb: "unlock", session: release, ...writes });
  // Where many write the same key, somebody always comes before: they take turns in the log instead.
  const carried = await carryOut(call.visit, [{ verb: "set", ...writes }], guardedAttempts);
  if (carried === null) await writeRegardless(call.visit, writes);
  return call.json(true);
}

const guardedAttempts = 3;

function uint64In(call: Call, name: string): string | null {
  const text = call.parameter(name);
  if (text === null || isUint64(text)) return text;
  throw new ConsulError(400, `strconv.ParseUint: parsing ${JSON.stringify(text.slice(0, 80))}: invalid syntax`);
}

/** `true` or `false`; what is wrong with it otherwise is told by Consul's state machine. */
async function answerStep(call: Call, step: Step): Promise<Response> {
  const carried = await carryOut(call.visit, [step]);
  if (carried === null) throw crowded();
  const [failure] = carried.decision.failures;
  if (failure !== undefined && !failure.no) throw new ConsulError(500, `raft apply failed: ${failure.what}`);
  return call.json(failure === undefined);
}

async function remove(call: Call): Promise<Response> {
  const key = keyIn(call);
  refuseConflicts(call, ["recurse", "cas"]);
  if (call.has("recurse")) {
    await removeTree(call.visit, key);
    return call.json(true);
  }
  if (key === "") throw missingKey();
  const index = uint64In(call, "cas");
  if (index !== null) return answerStep(call, { verb: "delete-cas", key, index });
  await removeRegardless(call.visit, key);
  return call.json(true);
}
