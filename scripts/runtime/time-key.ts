/**
 * A key to sign receipts of the time with, for a Synod that has no secrets: made at each start, and told as such in every
 * answer, since nobody can hold it to its word after it has ended.
 */
import { generateKeyPairSync } from "node:crypto";

/** The bindings that carry it. */
export function ephemeralTimeKey(): Readonly<Record<"SYNOD_TIME_KEY" | "SYNOD_TIME_KEY_EPHEMERAL", string>> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pkcs8 = privateKey.export({ type: "pkcs8", format: "der" });
  return { SYNOD_TIME_KEY: pkcs8.toString("base64"), SYNOD_TIME_KEY_EPHEMERAL: "true" };
}
