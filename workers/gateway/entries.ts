/** Keys and what they hold, as JSON: the same members at every native door. Pure. */
import type { Outcome } from "../../src/store/command.ts";
import { bytesMember } from "./bytes-member.ts";
import type { NamedKey } from "./names.ts";

export { shownEntry } from "../../src/wire/shown-entry.ts";

export const shownName = ({ bytes }: Pick<NamedKey, "bytes">) => bytesMember("key", "keyEncoding", bytes);

export const shownPut = (key: NamedKey, { revision, version, createRevision }: Extract<Outcome, { type: "put" }>) => ({
  ...shownName(key),
  revision,
  version,
  createRevision,
});

export const shownDeletion = (key: NamedKey, { existed, revision }: Extract<Outcome, { type: "deleted" }>) => ({
  ...shownName(key),
  deleted: existed,
  revision,
});
