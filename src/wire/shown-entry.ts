/** A key and what it holds, as clients see it everywhere: in listings, in transactions, in what watchers are told. Pure. */
import type { Entry } from "../store/command.ts";
import { userKeyBytes } from "../store/key-space.ts";
import { bytesMember } from "./bytes-member.ts";

export const shownKey = ({ key }: Pick<Entry, "key">) =>
  bytesMember("key", "keyEncoding", userKeyBytes(key) ?? new Uint8Array(0));

/** @param keysOnly the value was not read. */
export function shownEntry(entry: Entry, keysOnly = false) {
  const { value, createRevision, modRevision, version, lease } = entry;
  return {
    ...shownKey(entry),
    ...(keysOnly ? {} : bytesMember("value", "encoding", value)),
    createRevision,
    modRevision,
    version,
    ...(lease === null ? {} : { lease }),
  };
}
