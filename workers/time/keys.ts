/**
 * The key that signs receipts: imported once per isolate, shown to everybody by its public half. A deployment has it as a
 * secret; a launcher makes one that ends with it, and every answer says so.
 */
import { base64Of, bytesOfBase64, utf8 } from "../../src/support/bytes.ts";
import type { Bindings } from "../bindings.ts";
import { Problem } from "../gateway/problems.ts";

export interface TimeKey {
  /** RFC 7638: the hash of the public key's JSON form. */
  readonly kid: string;
  /** The public key, 32 bytes in base64url, as JSON Web Keys hold it. */
  readonly x: string;
  /** @returns the signature in base64. */
  sign(bytes: Uint8Array): Promise<string>;
}

type KeyEnv = Pick<Bindings, "SYNOD_TIME_KEY" | "SYNOD_TIME_KEY_EPHEMERAL">;

/** The last key that was imported. A value, never a promise: requests must not wait for each other's work. */
let known: { readonly secret: string; readonly key: TimeKey } | null = null;

export const isEphemeral = (env: KeyEnv): boolean => env.SYNOD_TIME_KEY_EPHEMERAL === "true";

/** @throws {Problem} when there is none, or it is not what it must be. */
export async function timeKeyOf(env: KeyEnv): Promise<TimeKey> {
  const secret = env.SYNOD_TIME_KEY;
  if (secret === undefined || secret === "") {
    throw new Problem(
      "time-key-not-set",
      "make a key with `openssl genpkey -algorithm ed25519 -outform DER | base64 -w0` and set it with `npx wrangler secret put SYNOD_TIME_KEY`",
    );
  }
  if (known?.secret !== secret) known = { secret, key: await imported(secret) };
  return known.key;
}

async function imported(secret: string): Promise<TimeKey> {
  const bytes = bytesOfBase64(secret.trim());
  const pair = bytes === null ? null : await pairOf(bytes);
  if (pair === null) {
    throw new Problem("misconfigured", "SYNOD_TIME_KEY must be an Ed25519 private key, PKCS #8 (DER) in base64");
  }
  const { signing, x } = pair;
  const thumbprint = await crypto.subtle.digest("SHA-256", utf8(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`));
  return {
    kid: base64Of(new Uint8Array(thumbprint)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""),
    x,
    async sign(message) {
      return base64Of(new Uint8Array(await crypto.subtle.sign("Ed25519", signing, message)));
    },
  };
}

async function pairOf(pkcs8: Uint8Array<ArrayBuffer>) {
  try {
    // Once to read the public half from it, once for good: the key that stays cannot be exported again.
    const readable = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
    const form = await crypto.subtle.exportKey("jwk", readable);
    const signing = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", false, ["sign"]);
    return "x" in form && typeof form.x === "string" ? { signing, x: form.x } : null;
  } catch {
    return null;
  }
}

/** `/time/keys`: a JSON Web Key Set (RFC 7517). */
export const keySetOf = ({ kid, x }: TimeKey, env: KeyEnv) => ({
  keys: [{ kid, kty: "OKP", crv: "Ed25519", use: "sig", x }],
  ephemeral: isEphemeral(env),
});
