/**
 * `RangeRequest`: as etcd 3.4 reads it and carries it out, its oddities included (`applierV3backend.Range`). What the store
 * cannot do as it is asked is made good on its answer (`finished`). Pure.
 */
import { revision } from "../../src/support/brand.ts";
import { byteString } from "../../src/support/bytes.ts";
import type { ByteString } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import type { Entry } from "../../src/store/command.ts";
import { userKey, userRange } from "../../src/store/key-space.ts";
import type { KeyRange, RangeQuery, RangeResult, SortTarget } from "../../src/store/transaction.ts";
import { keyValue, message } from "./answers.ts";
import { failing } from "./errors.ts";
import type { Enumeration, Message } from "./message.ts";

const sortOrders: Enumeration = {
  name: "etcdserverpb.RangeRequest_SortOrder",
  values: ["NONE", "ASCEND", "DESCEND"],
};
const sortTargets: Enumeration = {
  name: "etcdserverpb.RangeRequest_SortTarget",
  values: ["KEY", "VERSION", "CREATE", "MOD", "VALUE"],
};
const [unsorted, descending] = [0, 2];
const targets: readonly SortTarget[] = ["key", "version", "create", "mod", "value"];

/** Keys longer than this are nobody's, and lie between the same stored keys as this much of them does. */
const bound = (bytes: Uint8Array): ByteString => userKey(bytes.subarray(0, limits.keyBytes + 1));

/** `range_end` empty: the key alone; one zero byte: all keys from it on. */
export function rangeIn(key: Uint8Array, end: Uint8Array): KeyRange {
  if (end.length === 0) return { key: bound(key), end: null };
  return { key: bound(key), end: end.length === 1 && end[0] === 0 ? userRange.end : bound(end) };
}

export interface RangeRequest {
  readonly key: Uint8Array;
  readonly end: Uint8Array;
  readonly limit: number;
  readonly revision: number;
  readonly order: number;
  readonly target: number;
  readonly serializable: boolean;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  readonly minMod: number;
  readonly maxMod: number;
  readonly minCreate: number;
  readonly maxCreate: number;
}

export const readRangeRequest = (from: Message): RangeRequest => ({
  key: from.bytes("key"),
  end: from.bytes("range_end"),
  limit: from.count("limit"),
  revision: from.count("revision"),
  order: from.choice("sort_order", sortOrders),
  target: from.choice("sort_target", sortTargets),
  serializable: from.flag("serializable"),
  keysOnly: from.flag("keys_only"),
  countOnly: from.flag("count_only"),
  minMod: from.count("min_mod_revision"),
  maxMod: from.count("max_mod_revision"),
  minCreate: from.count("min_create_revision"),
  maxCreate: from.count("max_create_revision"),
});

/** @throws {EtcdError} */
export function checkRange(request: RangeRequest): void {
  if (request.key.length === 0) throw failing.emptyKey();
  // etcd 3.4 ends itself over such a target; 3.5 refuses it.
  if (targets[request.target] === undefined) throw failing.invalidSort();
}

const isBounded = ({ minMod, maxMod, minCreate, maxCreate }: RangeRequest): boolean =>
  minMod !== 0 || maxMod !== 0 || minCreate !== 0 || maxCreate !== 0;

/** Sorted without an order, etcd takes the first keys, and only then sorts those. */
const sortsFirstKeys = (request: RangeRequest): boolean =>
  request.order === unsorted && request.target !== 0 && request.limit > 0 && !isBounded(request);

/** Nothing was made at or before a revision below the first. */
const letsNothingThrough = ({ maxMod, maxCreate }: RangeRequest): boolean => maxMod < 0 || maxCreate < 0;

export function rangeQuery(request: RangeRequest): RangeQuery {
  const first = sortsFirstKeys(request);
  const target = first || request.order > descending || request.order < 0 ? "key" : (targets[request.target] ?? "key");
  const limit = Math.max(0, request.limit);
  return {
    range: rangeIn(request.key, request.end),
    limit: first ? Math.min(limit + 1, Number.MAX_SAFE_INTEGER - 1) : Math.min(limit, Number.MAX_SAFE_INTEGER - 1),
    revision: request.revision > 0 ? revision(request.revision) : null,
    sort: { target, descending: request.order === descending },
    keysOnly: request.keysOnly && !(first && targets[request.target] === "value"),
    countOnly: request.countOnly || letsNothingThrough(request),
    minMod: Math.max(0, request.minMod),
    maxMod: Math.max(0, request.maxMod),
    minCreate: Math.max(0, request.minCreate),
    maxCreate: Math.max(0, request.maxCreate),
  };
}

const rankOf = (target: SortTarget, entry: Entry): number | string => {
  if (target === "version") return entry.version;
  if (target === "create") return entry.createRevision;
  return target === "mod" ? entry.modRevision : byteString(entry.value);
};

/** What etcd would have answered where the store was asked for something else. */
function finished(request: RangeRequest, result: RangeResult): RangeResult {
  if (!sortsFirstKeys(request)) return result;
  const target = targets[request.target] ?? "key";
  const ranked = result.entries.map((entry) => ({ entry, rank: rankOf(target, entry) }));
  const sorted = ranked.toSorted((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0));
  const entries = sorted.slice(0, request.limit).map(({ entry }) => entry);
  return { entries, more: result.entries.length > request.limit, count: result.count };
}

export function rangeAnswer(request: RangeRequest, result: RangeResult, header: object): object {
  const { entries, more, count } = finished(request, result);
  const noValue = new Uint8Array(0);
  const shown = entries.map((entry) => keyValue(request.keysOnly ? { ...entry, value: noValue } : entry));
  return message({ header, kvs: shown, more, count: String(count) });
}
