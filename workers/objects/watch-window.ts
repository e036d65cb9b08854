/**
 * How far one WebSocket's watch is: told, acknowledged, and since when it is held up. Immutable, small and plain, because
 * it is the attachment that the runtime keeps for the socket while the object sleeps. Knows neither sockets nor stores.
 */
import { limits } from "../../src/support/limits.ts";
import type { EventPlace, EventQuery } from "../../src/store/events.ts";
import { isBefore } from "../../src/wire/watch-codec.ts";
import type { ObjectAddress } from "../adapters/port.ts";

/** Of this record. Raise it when its meaning changes: a socket with another one is asked to come again. */
const version = 1;

interface Unacked {
  readonly next: EventPlace;
  /** Of the message, in characters. */
  readonly size: number;
}

export interface Window {
  readonly version: typeof version;
  /** Whose socket it is: a woken object may know itself by nothing else. */
  readonly address: ObjectAddress;
  readonly query: Omit<EventQuery, "from">;
  /** All before this was sent, as far as it was asked for. */
  readonly next: EventPlace;
  /** All before this was acknowledged by the client. */
  readonly acked: EventPlace;
  readonly unacked: readonly Unacked[];
  /** Since when there is more to tell and no room for it, in ms by the object's clock. */
  readonly heldUpSince: number | null;
}

export function openWindow(address: ObjectAddress, { from, ...query }: EventQuery): Window {
  return { version, address, query, next: from, acked: from, unacked: [], heldUpSince: null };
}

/** @returns null when the attachment is of another version, or none of ours. */
export function windowIn(attachment: unknown): Window | null {
  const known = typeof attachment === "object" && attachment !== null && "version" in attachment;
  return known && attachment.version === version ? (attachment as Window) : null;
}

export const unackedSize = ({ unacked }: Window): number => unacked.reduce((sum, { size }) => sum + size, 0);

/** One message is always taken: it may be larger than the whole window. */
export const hasRoom = (window: Window): boolean =>
  window.unacked.length < limits.watchUnackedMessages && unackedSize(window) < limits.watchUnackedBytes;

export const sent = (window: Window, next: EventPlace, size: number): Window => ({
  ...window,
  next,
  unacked: [...window.unacked, { next, size }],
  heldUpSince: null,
});

/** Nothing happened before `next` that was asked for. Never goes back. */
export const movedTo = (window: Window, next: EventPlace): Window => {
  if (isBefore(next, window.next)) return window;
  // With everything acknowledged, this place is as good as acknowledged, too.
  return { ...window, next, acked: window.unacked.length === 0 ? next : window.acked, heldUpSince: null };
};

/** The client has all that came before `place`. @returns null when it was never sent that far. */
export function acknowledged(window: Window, place: EventPlace): Window | null {
  if (isBefore(window.next, place)) return null;
  if (isBefore(place, window.acked)) return window;
  const unacked = window.unacked.filter(({ next }) => isBefore(place, next));
  return {
    ...window,
    acked: place,
    unacked,
    heldUpSince: unacked.length < window.unacked.length ? null : window.heldUpSince,
  };
}

export const heldUp = (window: Window, now: number): Window => ({
  ...window,
  heldUpSince: window.heldUpSince ?? now,
});

/** Nobody is obliged to keep it any longer. A clock set back begins the wait anew. */
export const isGivenUp = ({ heldUpSince }: Window, now: number): boolean =>
  heldUpSince !== null && now - heldUpSince > limits.watchBehindMs;
