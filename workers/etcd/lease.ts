/** The service `Lease`: granted leases, which live on without keys. Leases of services and native locks are not shown. */
import { leaseId } from "../../src/support/brand.ts";
import type { LeaseId } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { integerBetween } from "../../src/support/random.ts";
import { userKeyBytes } from "../../src/store/key-space.ts";
import { Problem } from "../gateway/problems.ts";
import { read } from "../gateway/reads.ts";
import type { Visit } from "../gateway/visit.ts";
import { base64OfKey, header, isLeaseNumber, message, regionIn } from "./answers.ts";
import { writeFresh, writeOnce } from "./calls.ts";
import type { Call } from "./calls.ts";
import { failing } from "./errors.ts";
import type { Message } from "./message.ts";

/** etcd 3.4's least time to live with its default election timeout: less is raised to it. */
const leastSeconds = 2n;

const idOf = (number: bigint): LeaseId => leaseId(String(number));
const shownId = (number: bigint): string => String(number);

/** A positive int64 that nobody else is likely to draw. */
export function mintLease({ random }: Pick<Visit, "random">): bigint {
  const digits = Array.from({ length: 16 }, () => integerBetween(random, 0, 15).toString(16)).join("");
  const number = BigInt.asUintN(63, BigInt(`0x${digits}`));
  return number === 0n ? 1n : number;
}

export async function grant(call: Call, from: Message): Promise<object> {
  const [asked, ttl] = [from.int64("ID"), from.int64("TTL")];
  if (ttl > BigInt(limits.leaseSecondsMax)) throw failing.ttlTooLarge();
  if (asked < 0n) throw failing.negativeLease();
  const lease = asked === 0n ? mintLease(call.visit) : asked;
  const seconds = ttl < leastSeconds ? leastSeconds : ttl;
  const operation = { type: "grant", lease: idOf(lease), ttlMs: Number(seconds) * 1000 } as const;
  const { outcome, headers } = await writeOnce(call, operation, "granted");
  const said = header(call.visit, regionIn(headers), outcome.revision);
  return message({ header: said, ID: shownId(lease), TTL: String(seconds) });
}

export async function revoke(call: Call, from: Message): Promise<object> {
  const lease = from.int64("ID");
  const { outcome, headers } = await writeOnce(call, { type: "revoke", lease: idOf(lease) }, "revoked");
  return { header: header(call.visit, regionIn(headers), outcome.revision) };
}

/** Tells, also of a lease that is not there: that one has no time left. */
export async function timeToLive({ visit }: Call, from: Message): Promise<object> {
  const [lease, withKeys] = [from.int64("ID"), from.flag("keys")];
  const asked = { type: "lease", lease: idOf(lease), keys: withKeys ? limits.deletedKeys : 0 } as const;
  const { result, revision, headers } = await read(visit, { type: "linearizable" }, asked, "lease");
  const shown = { header: header(visit, regionIn(headers), revision), ID: shownId(lease) };
  if (result.lease === null) return message({ ...shown, TTL: "-1" });
  const { ttlMs, remainingMs } = result.lease;
  return message({
    ...shown,
    TTL: String(Math.floor(remainingMs / 1000)),
    grantedTTL: String(ttlMs / 1000),
    keys: result.keys.filter((key) => userKeyBytes(key) !== null).map(base64OfKey),
  });
}

export async function leases({ visit }: Call): Promise<object> {
  const ids: string[] = [];
  for (let after = ""; ;) {
    const asked = { type: "leases", after, limit: limits.pageKeys } as const;
    const { result, revision, headers } = await read(visit, { type: "linearizable" }, asked, "leases");
    const page = result.leases.map(({ id }) => id as string);
    ids.push(...page.filter(isLeaseNumber));
    const last = page.at(-1);
    // Names of words come after all numbers.
    if (result.more && last !== undefined && isLeaseNumber(last)) after = last;
    else {
      const said = header(visit, regionIn(headers), revision);
      return message({ header: said, leases: ids.map((ID) => ({ ID })) });
    }
  }
}

/** One message of the stream `LeaseKeepAlive`: a lease that is not there has no time to live. */
export async function keepAlive({ visit }: Call, from: Message): Promise<object> {
  const lease = from.int64("ID");
  try {
    const { outcome, headers } = await writeFresh({ visit }, { type: "renew", lease: idOf(lease) }, "renewed");
    const said = header(visit, regionIn(headers), outcome.revision);
    return message({ header: said, ID: shownId(lease), TTL: String(outcome.ttlMs / 1000) });
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "lease-not-found") throw error;
    const said = header(visit, regionIn(error.particulars.headers ?? {}), revisionIn(error));
    return message({ header: said, ID: shownId(lease) });
  }
}

const revisionIn = ({ particulars }: Problem): number => Number(particulars.headers?.["synod-revision"] ?? 0);
