/**
 * A signed receipt of what a clock said: which bytes are signed, what a well-formed receipt is, and what a chain of them
 * proves. Each receipt signs the hash of the one before it, so it was made after that one; where an earlier receipt's time
 * minus its radius lies above a later one's time plus its radius, one of the two clocks broke its own word, and the chain is
 * the proof (as in Roughtime). Pure: hashing and signatures are the caller's.
 */
import { bytesOfBase64, utf8 } from "../support/bytes.ts";

const hashPattern = /^[0-9a-f]{64}$/;

/** What is signed. All numbers are whole milliseconds. */
export interface Statement {
  /** The key's id: its RFC 7638 thumbprint. */
  readonly kid: string;
  /** The client's, so that nobody can have made the receipt before it asked. */
  readonly nonce: string;
  /** SHA-256 of the receipt before, in hexadecimal; null at the beginning of a chain. */
  readonly previous: string | null;
  /** The region whose clock it was; null for a gateway that stands in none. */
  readonly region: string | null;
  readonly dataCentre: string;
  /** The clock when the question came, and when the answer was made. */
  readonly t2: number;
  readonly t3: number;
  /** True time lay within the radius of each stamp: that is the clock's word. */
  readonly radiusMs: number;
}

export interface Receipt extends Statement {
  /** Ed25519 over `statementBytes`, in base64. */
  readonly signature: string;
}

export const isNonce = (text: string): boolean => /^[A-Za-z0-9_-]{1,128}$/.test(text);
export const isReceiptHash = (text: string): boolean => hashPattern.test(text);
const isKeyId = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text);
const isPlace = (text: string): boolean => /^[A-Za-z0-9-]{1,64}$/.test(text);
const isStamp = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/**
 * One line for each member, in this order, so that any language can write the same bytes with its plainest means. No member
 * can hold a space or a line's end, so no two statements have the same bytes.
 */
export function statementBytes(statement: Statement): Uint8Array {
  const { kid, nonce, previous, region, dataCentre, t2, t3, radiusMs } = statement;
  const lines = [
    "synod-time-receipt 1",
    `kid ${kid}`,
    `nonce ${nonce}`,
    `previous ${previous ?? "-"}`,
    `region ${region ?? "-"}`,
    `data-centre ${dataCentre}`,
    `t2 ${t2}`,
    `t3 ${t3}`,
    `radius ${radiusMs}`,
  ];
  return utf8(`${lines.join("\n")}\n`);
}

/** What the next receipt's `previous` is the SHA-256 of: the statement and its signature. */
export function chainedBytes(receipt: Receipt): Uint8Array {
  const statement = statementBytes(receipt);
  const end = utf8(`signature ${receipt.signature}\n`);
  const bytes = new Uint8Array(statement.length + end.length);
  bytes.set(statement);
  bytes.set(end, statement.length);
  return bytes;
}

/** As it travels in JSON. */
export const receiptJson = ({ radiusMs, ...rest }: Receipt) => ({ ...rest, radius_ms: radiusMs });

/** @returns null unless every member is there and could have been signed here. Members that are not known are left out. */
export function decodeReceipt(value: unknown): Receipt | null {
  if (typeof value !== "object" || value === null) return null;
  const { kid, nonce, previous, region, dataCentre, t2, t3, radius_ms: radiusMs, signature } = value as Foreign;
  if (typeof kid !== "string" || !isKeyId(kid)) return null;
  if (typeof nonce !== "string" || !isNonce(nonce)) return null;
  if (previous !== null && (typeof previous !== "string" || !isReceiptHash(previous))) return null;
  if (region !== null && (typeof region !== "string" || !isPlace(region) || region === "-")) return null;
  if (typeof dataCentre !== "string" || !isPlace(dataCentre)) return null;
  if (!isStamp(t2) || !isStamp(t3) || !isStamp(radiusMs)) return null;
  if (typeof signature !== "string" || bytesOfBase64(signature)?.length !== 64) return null;
  return { kid, nonce, previous, region, dataCentre, t2, t3, radiusMs, signature };
}

type Foreign = Readonly<Record<keyof Receipt | "radius_ms", unknown>>;

/** Two receipts of one chain that cannot both be true. */
export interface Contradiction {
  /** Places in the chain, from 0. */
  readonly earlier: number;
  readonly later: number;
  /** By how much they contradict each other: at least so wrong, beyond its own radius, was one of the two clocks. */
  readonly byMs: number;
}

/**
 * What receipts known to be made in this order prove. For each later one only the earlier one that contradicts it most is
 * named. Between the two, time really passed: that the later clock shows much more proves nothing.
 */
export function contradictionsIn(
  chain: readonly Pick<Statement, "t2" | "t3" | "radiusMs">[],
): readonly Contradiction[] {
  const found: Contradiction[] = [];
  let worst = { at: -1, earliest: Number.NEGATIVE_INFINITY };
  for (const [later, { t2, t3, radiusMs }] of chain.entries()) {
    // The question came after the earlier receipt had been made.
    const byMs = worst.earliest - (t2 + radiusMs);
    if (byMs > 0) found.push({ earlier: worst.at, later, byMs });
    const earliest = Math.max(t2, t3) - radiusMs;
    if (earliest > worst.earliest) worst = { at: later, earliest };
  }
  return found;
}
