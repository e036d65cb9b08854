/** `If-Lock: <name>;<token>`: a write that is carried out only as long as that lock is held with that token. Pure. */
import { revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import type { Guard } from "../../src/store/command.ts";
import { lockQueue } from "../../src/store/key-space.ts";
import { percentDecoded } from "./paths.ts";
import { Problem } from "./problems.ts";

/**
 * The name is percent-encoded as in a path, since it may be any bytes but zero.
 * @returns null when the header is not there. @throws {Problem} when it is not well formed.
 */
export function guardIn(headers: Headers): Guard | null {
  const header = headers.get("if-lock");
  if (header === null) return null;
  const [, encoded = "", digits = ""] = /^\s*([^;,\s]+);\s*([1-9][0-9]{0,15})\s*$/.exec(header) ?? [];
  const name = percentDecoded(encoded);
  const token = Number(digits);
  if (name === null || !isLockName(name) || digits === "" || !Number.isSafeInteger(token)) {
    throw new Problem("invalid-header", "If-Lock takes one lock's name and its token, such as deploy;42");
  }
  return { queue: lockQueue(name), token: revision(token) };
}

/** Locks and elections are named by 1 to so many bytes, none of them zero. */
export const isLockName = (name: Uint8Array): boolean =>
  name.length > 0 && name.length <= limits.lockNameBytes && !name.includes(0);

/** @throws {Problem} when the header stands on a request that it cannot guard: ignoring it would be worse. */
export function refuseGuard(headers: Headers): void {
  if (headers.has("if-lock")) throw new Problem("invalid-header", "this request takes no If-Lock");
}
