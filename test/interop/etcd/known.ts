/**
 * The differences that are known, each shown by one request: what etcd answers, and what Synod. docs/etcd.md says why. A
 * difference that went away fails here as well as one that is new.
 */
import { base64 } from "./choices.ts";
import { Endpoint } from "./endpoint.ts";
import { memberOf } from "./run.ts";

/** A status, and the gRPC code of an error. */
type Told = readonly [status: number, code?: number];

interface Known {
  readonly what: string;
  readonly path: string;
  readonly body: unknown;
  readonly method?: string;
  readonly etcd: Told;
  readonly synod: Told;
}

const key = base64("known");
const [write, remove] = [{ request_put: { key } }, { request_delete_range: { key } }];

const known: readonly Known[] = [
  {
    what: "compacting to 0 before anything else",
    path: "kv/compaction",
    body: { revision: 0 },
    etcd: [200],
    synod: [400, 11],
  },
  {
    what: "a key that is put by one nested transaction and deleted by the next",
    path: "kv/txn",
    body: { success: [{ request_txn: { success: [write] } }, { request_txn: { success: [remove] } }] },
    etcd: [200],
    synod: [400, 3],
  },
  {
    what: "deleting all keys from one on, and putting one of them",
    path: "kv/txn",
    body: { success: [{ request_delete_range: { key, range_end: "AA==" } }, write] },
    etcd: [200],
    synod: [400, 3],
  },
  {
    what: "a transaction that writes and reads the past",
    path: "kv/txn",
    body: { success: [write, { request_range: { key, revision: 1 } }] },
    etcd: [200],
    synod: [501, 12],
  },
  {
    what: "a revision below zero in a transaction",
    path: "kv/txn",
    body: { failure: [{ request_range: { key, revision: -1 } }] },
    etcd: [200],
    synod: [400, 11],
  },
  { what: "a long key", path: "kv/put", body: { key: base64("x".repeat(1025)) }, etcd: [200], synod: [400, 3] },
  {
    what: "a large value",
    path: "kv/put",
    body: { key, value: Buffer.alloc(512 * 1024 + 1).toString("base64") },
    etcd: [200],
    synod: [400, 3],
  },
  { what: "bytes as a list of numbers", path: "kv/range", body: { key: [97] }, etcd: [200], synod: [400, 3] },
  { what: "a lease below zero", path: "lease/grant", body: { ID: -5, TTL: 100 }, etcd: [200], synod: [400, 3] },
  { what: "a page's leave", path: "kv/range", body: "", method: "OPTIONS", etcd: [200], synod: [405] },
  { what: "a new user", path: "auth/user/add", body: { name: "x" }, etcd: [200], synod: [501, 12] },
  { what: "a new role", path: "auth/role/add", body: { name: "x" }, etcd: [200], synod: [501, 12] },
  { what: "a new member", path: "cluster/member/add", body: {}, etcd: [400, 3], synod: [501, 12] },
  { what: "removing a member", path: "cluster/member/remove", body: {}, etcd: [404, 5], synod: [501, 12] },
  { what: "changing a member", path: "cluster/member/update", body: {}, etcd: [404, 5], synod: [501, 12] },
  { what: "promoting a member", path: "cluster/member/promote", body: {}, etcd: [404, 5], synod: [501, 12] },
  { what: "moving the leader", path: "maintenance/transfer-leadership", body: {}, etcd: [412, 9], synod: [501, 12] },
  { what: "a snapshot", path: "maintenance/snapshot", body: {}, etcd: [200], synod: [501, 12] },
  {
    what: "raising an alarm",
    path: "maintenance/alarm",
    body: { action: "ACTIVATE", alarm: "NOSPACE", memberID: 1 },
    etcd: [200],
    synod: [501, 12],
  },
];

/** @returns for each what was expected and what was answered. */
export async function knownDifferences(urls: { readonly etcd: string; readonly synod: string }) {
  const results = [];
  for (const side of ["etcd", "synod"] as const) {
    const endpoint = new Endpoint(urls[side]);
    for (const { what, path, body, method = "POST", ...told } of known) {
      const sent = typeof body === "string" ? body : JSON.stringify(body);
      const answer = await endpoint.post(`/v3/${path}`, sent, method);
      const code = memberOf(answer.body, "code");
      results.push({
        side,
        what,
        expected: told[side],
        answered: code === undefined ? [answer.status] : [answer.status, code],
      });
    }
    endpoint.close();
  }
  return results;
}
