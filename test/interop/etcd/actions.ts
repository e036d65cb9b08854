/** The random operations on keys and leases, and mistakes on purpose. */
import { setTimeout as pause } from "node:timers/promises";
import { integerBetween } from "../../../src/support/random.ts";
import { base64, chance, int64, keyIn, leaseIn, namedLeases, oneOf, rangeIn, revisionOf, valueIn } from "./choices.ts";
import { leasePlaceholder } from "./endpoint.ts";
import { deleteRequest, putRequest, rangeRequest, transaction } from "./generate-txn.ts";
import { memberOf } from "./run.ts";
import type { Run } from "./run.ts";

export type Action = (run: Run) => Promise<void>;

export const put: Action = async (run) => void (await run.call("put", "/v3/kv/put", putRequest(run)));
export const range: Action = async (run) => void (await run.call("range", "/v3/kv/range", rangeRequest(run)));
export const remove: Action = async (run) =>
  void (await run.call("deleterange", "/v3/kv/deleterange", deleteRequest(run)));
export const transact: Action = async (run) => void (await run.call("txn", "/v3/kv/txn", transaction(run)));

/** etcd looks for the history that new watches want ten times a second; compacted before, it is not told. */
const historyMs = 300;

export const compact: Action = async (run) => {
  await pause(Math.max(0, run.watchOpenedAt + historyMs - performance.now()));
  const revision = chance(run.random, 0.8) ? run.revision - integerBetween(run.random, 5, 40) : revisionOf(run);
  const body = {
    revision: int64(run.random, Math.max(1, revision)),
    ...(chance(run.random, 0.2) ? { physical: true } : {}),
  };
  const { status } = await run.call("compaction", "/v3/kv/compaction", body);
  if (status === 200) run.compacted = Math.max(1, revision);
};

// --- leases ---

/** So long that none ends by itself while the comparison runs. */
const seconds = (run: Run): number => integerBetween(run.random, 3600, 1_000_000);

export const grant: Action = async (run) => {
  const ID = oneOf(run.random, namedLeases);
  await run.call("lease grant", "/v3/lease/grant", { ID, TTL: int64(run.random, seconds(run)) });
};

/** Each side draws an id; from here on they share a name. */
export const grantAny: Action = async (run) => {
  const name = run.draw();
  const body = JSON.stringify({ TTL: seconds(run) });
  const answers = await Promise.all([run.etcd.post("/v3/lease/grant", body), run.synod.post("/v3/lease/grant", body)]);
  const [etcd, synod] = answers.map(({ body: said }) => String(memberOf(said, "ID")));
  run.etcd.nameLease(name, etcd ?? "0");
  run.synod.nameLease(name, synod ?? "0");
  run.drawnLeases = [...run.drawnLeases, name];
  const shape = answers.map(({ status, body: said }) => ({ status, TTL: memberOf(said, "TTL") }));
  run.compare("lease grant", "/v3/lease/grant any", shape[0], shape[1]);
};

/** Times to live that are raised, and those that are too large. What would soon end by itself is ended at once. */
export const grantOdd: Action = async (run) => {
  const TTL = oneOf(run.random, [0, 1, 2, -1, -9_000_000_000, 9_000_000_000, 9_000_000_001, "9223372036854775807"]);
  const { status } = await run.call("lease grant", "/v3/lease/grant", { ID: 77, TTL });
  if (status !== 200) return;
  await run.call("lease timetolive", "/v3/lease/timetolive", { ID: 77 });
  await run.call("lease revoke", "/v3/lease/revoke", { ID: 77 });
};

export const revoke: Action = async (run) => {
  const path = oneOf(run.random, ["/v3/lease/revoke", "/v3/kv/lease/revoke"]);
  await run.call("lease revoke", path, { ID: leaseIn(run) });
};

export const timeToLive: Action = async (run) => {
  const path = oneOf(run.random, ["/v3/lease/timetolive", "/v3/kv/lease/timetolive"]);
  await run.call("lease timetolive", path, { ID: leaseIn(run), keys: chance(run.random, 0.6) });
};

export const listLeases: Action = async (run) =>
  void (await run.call("lease leases", oneOf(run.random, ["/v3/lease/leases", "/v3/kv/lease/leases"]), {}));

export const keepAlive: Action = async (run) => {
  const ids = Array.from({ length: integerBetween(run.random, 1, 3) }, () => leaseIn(run));
  const body = ids.map((ID) => JSON.stringify({ ID })).join(oneOf(run.random, ["", "\n"]));
  await run.call("lease keepalive", "/v3/lease/keepalive", body);
};

/** Ends every lease that was drawn, so that their number stays bounded. */
export const forgetLeases: Action = async (run) => {
  for (const name of run.drawnLeases) {
    await run.call("lease revoke", "/v3/lease/revoke", { ID: leasePlaceholder(name) });
  }
  run.drawnLeases = [];
};

// --- mistakes ---

const nest = (depth: number, inner: object): object =>
  depth === 0 ? inner : { success: [{ request_txn: nest(depth - 1, inner) }] };

const many = (count: number): readonly object[] =>
  Array.from({ length: count }, (_, at) => ({ request_range: { key: base64(`x${at}`) } }));

const wrong: readonly ((run: Run) => readonly [path: string, body: unknown])[] = [
  () => ["kv/range", ""],
  () => ["kv/range", "{}"],
  () => ["kv/range", "null"],
  () => ["kv/range", "[]"],
  () => ["kv/range", '"text"'],
  () => ["kv/range", "7"],
  () => ["kv/range", "{"],
  () => ["kv/range", '{"key":"YQ=="'],
  () => ["kv/range", '{"key":"YQ=="}garbage'],
  () => ["kv/range", '  {"key":"YQ=="} {"key":"Yg=="}'],
  () => ["kv/range", "garbage"],
  () => ["kv/range", { key: "YQ" }],
  () => ["kv/range", { key: "_-==" }],
  () => ["kv/range", { key: "YQ==\n" }],
  () => ["kv/range", { key: "Y!==" }],
  () => ["kv/range", { key: 7 }],
  () => ["kv/range", { key: null }],
  () => ["kv/range", { key: "YQ==", limit: 1.5 }],
  () => ["kv/range", { key: "YQ==", limit: "1.5" }],
  () => ["kv/range", { key: "YQ==", limit: "x" }],
  () => ["kv/range", { key: "YQ==", limit: "" }],
  () => ["kv/range", { key: "YQ==", limit: true }],
  () => ["kv/range", '{"key":"YQ==","limit":1e2}'],
  () => ["kv/range", '{"key":"YQ==","limit":9223372036854775807}'],
  () => ["kv/range", '{"key":"YQ==","limit":9223372036854775808}'],
  () => ["kv/range", '{"key":"YQ==","revision":-9223372036854775808}'],
  () => ["kv/range", { key: "YQ==", revision: "9223372036854775807" }],
  () => ["kv/range", { key: "YQ==", revision: -1 }],
  () => ["kv/range", { key: "YQ==", sort_order: "UP" }],
  () => ["kv/range", { key: "YQ==", sort_order: "1" }],
  () => ["kv/range", { key: "YQ==", sort_target: null, sort_order: true }],
  () => ["kv/range", { key: "YQ==", keys_only: "true" }],
  () => ["kv/range", { key: "YQ==", keys_only: 1 }],
  () => ["kv/range", { key: "YQ==", range_end: "AA==", max_mod_revision: -1 }],
  () => ["kv/range", { key: "YQ==", range_end: "AA==", min_create_revision: -1 }],
  () => ["kv/range", { key: "YQ==", Key: "Yg==", KEY: "Yw==" }],
  () => ["kv/range", { key: "YQ==", range_end: "YQ==", rangeEnd: "AA==" }],
  () => ["kv/range", '{"key":"YQ==","key":"Yg=="}'],
  () => ["kv/range", { key: base64("x".repeat(2000)) }],
  () => ["kv/range", { key: base64("a".repeat(2000)), range_end: base64("b".repeat(2000)) }],
  () => ["kv/deleterange", {}],
  () => ["kv/deleterange", { range_end: "AA==" }],
  () => ["kv/deleterange", { key: base64("x".repeat(2000)) }],
  () => ["kv/put", {}],
  () => ["kv/put", { key: "", value: "eA==" }],
  () => ["kv/put", { key: "YQ==", value: "eA==", ignore_value: true }],
  () => ["kv/put", { key: "YQ==", lease: 5, ignore_lease: true }],
  () => ["kv/put", { key: "YQ==", lease: 999 }],
  () => ["kv/put", { key: base64("nobody"), lease: 999, ignore_value: true }],
  () => ["kv/put", { key: base64("nobody"), ignore_value: true }],
  () => ["kv/put", { key: base64("nobody"), ignore_lease: true, value: "eA==" }],
  () => ["kv/txn", { success: [{}] }],
  () => ["kv/txn", { success: {} }],
  () => ["kv/txn", { success: "x" }],
  () => ["kv/txn", { compare: [{}] }],
  () => ["kv/txn", { compare: [{ key: "YQ==", target: "NONE" }] }],
  () => ["kv/txn", { compare: [{ key: "YQ==", result: "SAME" }] }],
  () => ["kv/txn", { compare: [{ key: "YQ==", result: 9, version: 5 }] }],
  () => ["kv/txn", { success: many(129) }],
  () => ["kv/txn", { success: many(128) }],
  () => ["kv/txn", { failure: many(129) }],
  () => ["kv/txn", { success: [...many(100), { request_txn: { success: many(28) } }] }],
  () => ["kv/txn", { success: [...many(100), { request_txn: { success: many(27) } }] }],
  () => ["kv/txn", nest(60, { success: many(3) })],
  () => ["kv/txn", nest(126, { success: many(2) })],
  () => ["kv/txn", nest(126, { success: many(3) })],
  () => ["kv/txn", nest(3, { success: [{ request_put: {} }] })],
  () => ["kv/txn", { success: [{ request_put: { key: "YQ==" } }, { request_put: { key: "YQ==" } }] }],
  () => ["kv/txn", { success: [{ request_put: { key: "YQ==" } }, { request_delete_range: { key: "YQ==" } }] }],
  () => ["kv/txn", { success: [{ request_put: { key: "YQ==", lease: 999 } }] }],
  () => ["kv/txn", { success: [{ request_put: { key: base64("nobody"), ignore_value: true, lease: 999 } }] }],
  () => ["kv/txn", { failure: [{ request_put: { key: "YQ==", lease: 999 } }] }],
  ({ revision }) => ["kv/txn", { success: [{ request_range: { key: "YQ==", revision: revision + 1 } }] }],
  () => ["kv/compaction", { revision: -1 }],
  ({ revision }) => ["kv/compaction", { revision: revision + 1 }],
  ({ compacted }) => ["kv/compaction", { revision: compacted === 0 ? -1 : compacted }],
  () => ["lease/grant", { ID: "x" }],
  () => ["lease/grant", { ID: 1.5 }],
  () => ["lease/revoke", {}],
  () => ["lease/revoke", { ID: 999 }],
  () => ["lease/timetolive", {}],
  () => ["lease/timetolive", { ID: -1, keys: true }],
  () => ["lease/keepalive", ""],
  () => ["lease/keepalive", "garbage"],
  () => ["lease/keepalive", '{"ID":999}garbage'],
  () => ["lease/keepalive", '{"ID":"x"}'],
  () => ["lock/unlock", {}],
  () => ["lock/lock", { name: "eA==", lease: 999 }],
  () => ["election/campaign", { name: "eA==", lease: 999 }],
  () => ["election/leader", { name: base64("nobody") }],
  () => ["election/proclaim", {}],
  () => ["election/proclaim", { leader: { lease: 5 } }],
  () => ["election/resign", {}],
  () => ["election/resign", { leader: { lease: 5 } }],
  () => ["election/observe", "garbage"],
  () => ["watch", "garbage"],
  () => ["watch", '{"create_request":{"key":"YQ"}}'],
  () => ["watch", '{"create_request":{"filters":["NONE"]}}'],
  () => ["maintenance/alarm", {}],
  () => ["maintenance/defragment", {}],
  () => ["maintenance/hashkv", {}],
  () => ["kv/lease/keepalive", {}],
  () => ["kv/nothing", {}],
  () => ["auth/authenticate", { name: "root", password: "x" }],
  () => ["auth/enable", {}],
  () => ["auth/disable", {}],
  () => ["auth/user/list", {}],
  () => ["auth/role/list", {}],
  () => ["auth/user/get", { name: "x" }],
  () => ["auth/role/get", { role: "x" }],
  () => ["auth/user/delete", { name: "x" }],
  () => ["auth/role/delete", { role: "x" }],
  () => ["auth/user/grant", { user: "x", role: "y" }],
  () => ["auth/user/revoke", { name: "x", role: "y" }],
  () => ["auth/user/changepw", { name: "x", password: "y" }],
  () => ["auth/role/revoke", { role: "x" }],
  () => ["auth/user/add", {}],
  () => ["auth/role/add", {}],
];

export const mistake: Action = async (run) => {
  if (chance(run.random, 0.05)) return void (await run.call("mistake", "/v3/kv/range", "", "GET"));
  if (chance(run.random, 0.15)) return mistyped(run);
  const [path, body] = oneOf(run.random, wrong)(run);
  await run.call("mistake", `/v3/${path}`, body);
};

/** Every mistake once, in their order. */
export const everyMistake: Action = async (run) => {
  for (const one of wrong) {
    const [path, body] = one(run);
    await run.call("mistake", `/v3/${path}`, body);
  }
};

/** A good request with one character of its text changed, if it is then refused as JSON, or means nothing else. */
async function mistyped(run: Run): Promise<void> {
  const text = JSON.stringify({
    ...keyIn(run.random),
    ...rangeIn(run.random),
    value: valueIn(run.random).slice(0, 40),
  });
  const at = integerBetween(run.random, 0, text.length - 1);
  const other = oneOf(run.random, ["!", "{", "}", "]", ",", "\\", " ", "x"]);
  await run.call("mistake", "/v3/kv/range", text.slice(0, at) + other + text.slice(at + 1));
}
