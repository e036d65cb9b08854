/**
 * What watchers are told, as clients see it: events as JSON, and the places where to go on as short text. The same on
 * event streams and WebSockets. Pure.
 */
import { revision } from "../support/brand.ts";
import type { Revision } from "../support/brand.ts";
import { startOf } from "../store/events.ts";
import type { EventPlace, StoreEvent } from "../store/events.ts";
import { shownEntry, shownKey } from "./shown-entry.ts";

/** "13": go on with revision 13. "13.2": the same, but its first two changes were told already. */
export const encodePlace = ({ revision: at, index }: EventPlace): string => (index === 0 ? `${at}` : `${at}.${index}`);

/** @returns null when `text` is not what `encodePlace` writes. */
export function decodePlace(text: string): EventPlace | null {
  const [, at = "", index = "0"] = /^([1-9][0-9]{0,15})(?:\.([1-9][0-9]{0,15}))?$/.exec(text) ?? [];
  const place = { revision: Number(at), index: Number(index) };
  if (at === "" || !Number.isSafeInteger(place.revision) || !Number.isSafeInteger(place.index)) return null;
  return { revision: revision(place.revision), index: place.index };
}

export const isBefore = (a: EventPlace, b: EventPlace): boolean =>
  a.revision < b.revision || (a.revision === b.revision && a.index < b.index);

export interface EventPage {
  readonly events: readonly StoreEvent[];
  readonly next: EventPlace;
}

/**
 * The same page without the beginning of a revision that had no room for its end: whoever is told one part of a
 * revision only is told so because all of it fits no page (SPEC N2).
 */
export function wholeRevisions({ events, next }: EventPage): EventPage {
  const before = events.filter(({ entry }) => entry.modRevision < next.revision);
  if (next.index === 0 || before.length === 0) return { events, next };
  return { events: before, next: startOf(next.revision) };
}

/** What one revision changed, or (`more`) a part of it. `next` is where to go on after it. */
export interface RevisionEvents extends EventPage {
  readonly revision: Revision;
  readonly more: boolean;
}

export function byRevision({ events, next }: EventPage): readonly RevisionEvents[] {
  const groups = Map.groupBy(events, ({ entry }) => entry.modRevision);
  return [...groups].map(([at, ofIt]) => {
    const more = at === next.revision;
    return { revision: at, events: ofIt, more, next: more ? next : startOf(at + 1) };
  });
}

/** @param withPrevious whether `previous` was asked for; it is null when nothing is known of what was there. */
export function shownEvent({ type, entry, previous }: StoreEvent, withPrevious: boolean) {
  const before = withPrevious ? { previous: previous === null ? null : shownEntry(previous) } : {};
  if (type === "delete") return { type, ...shownKey(entry), modRevision: entry.modRevision, ...before };
  return { type, ...shownEntry(entry), ...before };
}
