/**
 * What must be equal, and what need not: who answered and in which term; ids that each side draws for itself; the order of
 * lists that etcd takes from a hash table; the seconds that a lease has left; the words for JSON that is none.
 */
import type { Answer, Endpoint } from "./endpoint.ts";

const sides = ["cluster_id", "member_id", "raft_term"];

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

type Renaming = Pick<Endpoint, "nameOf">;

/** A lock's key ends in the lease's hexadecimal digits. */
function keyOf(base64: string, side: Renaming): string {
  const bytes = Buffer.from(base64, "base64").toString("latin1");
  const at = bytes.lastIndexOf("/") + 1;
  return bytes.slice(0, at) + side.nameOf(bytes.slice(at));
}

/** Words of etcd's decoder, which are Go's: that it refuses counts, not how it says so. */
const aboutJson =
  /^(json: |invalid character|unexpected E|unexpected end|illegal base64|unknown value|bytes: |proto: |malformed)/;

export const normalised = ({ status, body }: Answer, side: Renaming): unknown => ({
  status,
  body: typeof body === "string" ? body : shown("", body, side),
});

export const normalisedLine = (line: unknown, side: Renaming): unknown => shown("", line, side);

function shown(name: string, value: unknown, renaming: Renaming): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => shown(name, item, renaming));
    return name === "leases" || name === "keys" ? items.toSorted(byText) : items;
  }
  if (isObject(value)) return object(value, renaming);
  if (typeof value !== "string") return value;
  if (name === "ID" || name === "lease") return renaming.nameOf(value);
  if (name === "key" || name === "keys") return keyOf(value, renaming);
  if ((name === "error" || name === "message") && aboutJson.test(value)) return "about the JSON";
  return value;
}

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

function object(value: Json, renaming: Renaming): unknown {
  const entries = Object.entries(value)
    .filter(([name]) => !sides.includes(name))
    .map(([name, inner]) => [name, shown(name, inner, renaming)] as const);
  const plain = Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  // Of a lease that lives some time is left, or none of its last second.
  if ("grantedTTL" in value && value["TTL"] !== "-1") plain["TTL"] = "some";
  return plain;
}
