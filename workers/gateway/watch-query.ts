/**
 * What a client wants to watch, from its query string: which keys, from where on, which kinds of events. The same for
 * event streams and WebSockets. Pure.
 */
import type { ByteString } from "../../src/support/brand.ts";
import { startOf } from "../../src/store/events.ts";
import type { EventPlace } from "../../src/store/events.ts";
import { userKey, userRange } from "../../src/store/key-space.ts";
import { prefixRange } from "../../src/store/transaction.ts";
import type { KeyRange } from "../../src/store/transaction.ts";
import { decodePlace } from "../../src/wire/watch-codec.ts";
import { checkKeySize } from "./names.ts";
import { Problem } from "./problems.ts";
import { Query } from "./query.ts";
import type { Followed } from "./watching.ts";

const parameters: readonly string[] = ["key", "prefix", "from", "to", "revision", "place", "events", "previous"];
const placeCharacters = 40;

export interface Asked {
  readonly followed: Followed;
  /** Null: from now on. */
  readonly start: EventPlace | null;
}

const invalid = (detail: string): Problem => new Problem("invalid-query", detail);

/** @throws {Problem} for whatever is not well formed. */
export function askedIn(url: string, headers: Headers): Asked {
  const query = new Query(url, parameters);
  const events = eventsIn(query);
  const followed = { range: rangeIn(query), ...events, previous: query.flag("previous") };
  return { followed, start: startIn(query, headers) };
}

function rangeIn(query: Query): KeyRange {
  const [key, prefix, from, to] = ["key", "prefix", "from", "to"].map((name) => keyIn(query, name));
  const given = [key, prefix, from].filter((one) => one !== undefined);
  if (given.length > 1) throw invalid("only one of key, prefix and from can be given");
  if (to !== undefined && from === undefined) throw invalid("to needs from");
  if (key === userKey(new Uint8Array(0))) throw new Problem("invalid-key", "a key has at least one byte");
  if (key !== undefined) return { key, end: null };
  if (prefix !== undefined) return prefixRange(prefix);
  if (from === undefined) return userRange;
  const end = to ?? userRange.end;
  if (end <= from) throw invalid("to must come after from: it is the first key that is not watched");
  return { key: from, end };
}

function keyIn(query: Query, name: string): ByteString | undefined {
  const bytes = query.bytes(name);
  if (bytes === null) return undefined;
  checkKeySize(bytes, name);
  return userKey(bytes);
}

function eventsIn(query: Query): Pick<Followed, "puts" | "deletes"> {
  const text = query.text("events", placeCharacters);
  const named = text === null ? ["put", "delete"] : text.split(",");
  const known = named.every((one) => one === "put" || one === "delete");
  if (!known || new Set(named).size !== named.length) throw invalid("events must be put, delete, or put,delete");
  return { puts: named.includes("put"), deletes: named.includes("delete") };
}

/** A client that comes back says how far it was; the parameters say where it began. */
function startIn(query: Query, headers: Headers): EventPlace | null {
  const at = query.whole("revision", 1);
  const text = query.text("place", placeCharacters);
  const place = text === null ? null : decodePlace(text);
  if (text !== null && place === null) throw invalid("place must be the `next` or the id of an event, unchanged");
  if (at !== null && place !== null) throw invalid("only one of revision and place can be given");
  const last = headers.get("last-event-id");
  if (last === null || last === "") return place ?? (at === null ? null : startOf(at));
  const resumed = decodePlace(last);
  if (resumed !== null) return resumed;
  throw new Problem("invalid-header", "Last-Event-ID must be the id of an event of this stream, unchanged");
}
