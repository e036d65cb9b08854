/**
 * Judging signed receipts of the time: is each signed by a key we know, does each follow the one before it, and do they
 * contradict each other? Needs nothing but WebCrypto's Ed25519, so it runs wherever the client runs. Trusts no clock.
 */
import { base64Of, bytesOfBase64, utf8 } from "../support/bytes.ts";
import { chainedBytes, contradictionsIn, decodeReceipt, statementBytes } from "../time/receipt.ts";
import type { Contradiction, Receipt } from "../time/receipt.ts";

/** A public key under its own fingerprint. */
export interface ReceiptKey {
  readonly kid: string;
  readonly verify: (bytes: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer>) => Promise<boolean>;
}

export type ChainVerdict =
  | {
      readonly type: "broken";
      /** The first receipt that proves nothing, from 0, ... */
      readonly at: number;
      /** ... because it is none, its key is not known, its signature is wrong, or it does not follow the one before. */
      readonly why: "malformed" | "unknown-key" | "signature" | "link";
    }
  | {
      readonly type: "sound";
      readonly receipts: readonly Receipt[];
      /** Empty: all clocks may have kept their word. */
      readonly contradictions: readonly Contradiction[];
    };

const copied = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);
const digestOf = async (bytes: Uint8Array): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", copied(bytes)));
const base64url = (bytes: Uint8Array): string =>
  base64Of(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** What the next receipt must sign as `previous`. */
export async function receiptHash(receipt: Receipt): Promise<string> {
  return [...(await digestOf(chainedBytes(receipt)))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The keys of `GET /time/keys`.
 * @returns null when it is no such set. Keys of other kinds are left out; a key under a foreign fingerprint is no key.
 */
export async function receiptKeys(value: unknown): Promise<readonly ReceiptKey[] | null> {
  if (typeof value !== "object" || value === null || !("keys" in value) || !Array.isArray(value.keys)) return null;
  const found: ReceiptKey[] = [];
  for (const key of value.keys as readonly unknown[]) {
    if (typeof key !== "object" || key === null) return null;
    const { kty, crv, x, kid } = key as Readonly<Record<string, unknown>>;
    if (kty !== "OKP" || crv !== "Ed25519" || typeof x !== "string") continue;
    const one = await receiptKey(x);
    if (one === null || (kid !== undefined && kid !== one.kid)) return null;
    found.push(one);
  }
  return found;
}

/** @param x the 32 bytes in base64url. @returns null when they are no key. */
export async function receiptKey(x: string): Promise<ReceiptKey | null> {
  const raw = bytesOfBase64(`${x.replaceAll("-", "+").replaceAll("_", "/")}=`);
  if (raw?.length !== 32) return null;
  try {
    const key = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
    return {
      kid: base64url(await digestOf(utf8(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`))),
      verify: async (bytes, signature) => crypto.subtle.verify("Ed25519", key, signature, bytes),
    };
  } catch {
    return null;
  }
}

/** @param chain receipts as they came, in the order in which they were asked for. */
export async function verifyChain(chain: readonly unknown[], keys: readonly ReceiptKey[]): Promise<ChainVerdict> {
  const receipts: Receipt[] = [];
  let previous: string | null = null;
  for (const [at, value] of chain.entries()) {
    const receipt = decodeReceipt(value);
    if (receipt === null) return { type: "broken", at, why: "malformed" };
    const key = keys.find(({ kid }) => kid === receipt.kid);
    if (key === undefined) return { type: "broken", at, why: "unknown-key" };
    const signature = bytesOfBase64(receipt.signature) ?? new Uint8Array(0);
    if (!(await key.verify(copied(statementBytes(receipt)), signature)))
      return { type: "broken", at, why: "signature" };
    if (receipt.previous !== previous) return { type: "broken", at, why: "link" };
    previous = await receiptHash(receipt);
    receipts.push(receipt);
  }
  return { type: "sound", receipts, contradictions: contradictionsIn(receipts) };
}
