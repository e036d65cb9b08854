/**
 * Writing what etcd's gateway writes: zero values are left out, int64 are texts, bytes base64. Every answer begins with a
 * header that says which cluster and member answered, and at which revision its store stands. Pure.
 */
import { base64Of, utf8 } from "../../src/support/bytes.ts";
import type { Entry } from "../../src/store/command.ts";
import { userKeyBytes } from "../../src/store/key-space.ts";
import type { Visit } from "../gateway/visit.ts";

/** A message without those of its fields that hold nothing. */
export function message(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isZero(value)));
}

const isZero = (value: unknown): boolean =>
  [undefined, null, false, 0, "", "0"].some((zero) => zero === value) || (Array.isArray(value) && value.length === 0);

/** There is no Raft here, and a ballot is no client's business: terms never change. */
export const raftTerm = "1";

/** @param at the store's revision; null where etcd tells none. */
export const header = (visit: Visit, region: string, at: number | null): object =>
  message({
    cluster_id: clusterId(visit),
    member_id: memberId(visit, region),
    revision: at === null ? null : String(at),
    raft_term: raftTerm,
  });

export const clusterId = ({ config, namespace }: Visit): string => identity(`${config.cluster}/${namespace}`);
export const memberId = ({ config, namespace }: Visit, region: string): string =>
  identity(`${config.cluster}/${namespace}/${region}`);

/** A name as one of etcd's 64-bit ids: FNV-1a, so that it is the same everywhere and always. */
function identity(name: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of utf8(name)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return String(hash);
}

/** The region that answered, from what the gateway says of it. */
export const regionIn = (headers: Readonly<Record<string, string>>): string => headers["synod-region"] ?? "";

export const base64OfKey = (key: Entry["key"]): string => base64Of(userKeyBytes(key) ?? new Uint8Array(0));

export const keyValue = ({ key, value, createRevision, modRevision, version, lease }: Entry): object =>
  message({
    key: base64OfKey(key),
    create_revision: String(createRevision),
    mod_revision: String(modRevision),
    version: String(version),
    value: base64Of(value),
    lease: lease === null ? null : shownLease(lease),
  });

/** Leases of services and of locks taken natively have names of words: to etcd's clients their keys have none. */
const shownLease = (lease: string): string | null => (isLeaseNumber(lease) ? lease : null);

/** Granted leases are positive int64, written in decimal. */
export const isLeaseNumber = (lease: string): boolean => /^[0-9]{1,19}$/.test(lease);
