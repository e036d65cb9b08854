/**
 * The WebSockets of one replica: each is a watch with a place of its own, told from the store whenever that has moved.
 * Nothing is queued here: what a client has no room for is read from the store again once it has. The runtime holds the
 * sockets and answers their pings while the object sleeps; a woken object finds them and their places again (SPEC N1-N4).
 * Called by the replica's shell alone; founds, proposes and stores nothing.
 */
import { limits } from "../../src/support/limits.ts";
import { isFollowed, startOf } from "../../src/store/events.ts";
import type { EventPlace, EventQuery } from "../../src/store/events.ts";
import type { Touched } from "../../src/store/change-log.ts";
import type { Store } from "../../src/store/store.ts";
import { encodePlace, isBefore, shownEvent, wholeRevisions } from "../../src/wire/watch-codec.ts";
import { decodeWatchMessage } from "../../src/wire/watch-message.ts";
import type { ObjectAddress } from "../adapters/port.ts";
import {
  acknowledged,
  hasRoom,
  heldUp,
  isGivenUp,
  movedTo,
  openWindow,
  sent,
  unackedSize,
  windowIn,
} from "./watch-window.ts";
import type { Window } from "./watch-window.ts";

/** Why a socket is closed (RFC 6455, section 7.4; from 4000 on they are ours). */
const closing = {
  /** A binary message. */
  unsupported: 1003,
  notUnderstood: 1008,
  tooLarge: 1009,
  /** Made by another version of this code. */
  comeAgain: 1012,
  /** Held up for too long without an acknowledgement. */
  tooSlow: 4408,
  /** What was to be told next is no longer kept. */
  compacted: 4410,
} as const;

const everything = { key: "", end: "\u00ff" } as Window["query"]["range"];
const bounds = { events: limits.watchSocketEvents, bytes: limits.watchSocketBytes, changes: 2_000 };

/** What the store says from one place on; `text` null: nothing to tell. */
interface Page {
  readonly text: string | null;
  readonly next: EventPlace;
}

interface Watcher {
  readonly socket: WebSocket;
  /** Of watches that ask for the same: they share what is read. */
  readonly kind: string;
  window: Window;
  /** The place in the socket's attachment. */
  saved: EventPlace;
}

/** One going over the sockets: what was read in it, and how much may still be. */
interface Round {
  readonly store: Store;
  readonly now: number;
  readonly pages: Map<string, Page | "compacted">;
  changesLeft: number;
}

export class WatchSockets {
  readonly #ctx: DurableObjectState;
  readonly #watchers = new Map<WebSocket, Watcher>();
  /** Who is not held up was told all before this; null: nobody knows yet. */
  #toldTo: EventPlace | null = null;
  #unackedSize = 0;
  /** Somebody found no room because of all the others. */
  #crowded = false;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
    for (const socket of ctx.getWebSockets()) this.#find(socket);
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** Whose sockets these are; null without any. */
  get address(): ObjectAddress | null {
    const [first] = this.#watchers.values();
    return first?.window.address ?? null;
  }

  get isFull(): boolean {
    return this.#watchers.size >= limits.watchSockets;
  }

  /** @returns the client's end, and whether there is more to do for it in another round. */
  accept(address: ObjectAddress, query: EventQuery, store: Store, now: number): readonly [WebSocket, boolean] {
    const [client, server] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
    this.#ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    this.#ctx.acceptWebSocket(server);
    const watcher = this.#add(server, openWindow(address, query));
    this.#save(watcher);
    this.#send(watcher, { type: "ready", revision: store.revision, next: encodePlace(query.from) });
    return [client, this.tellAgain(server, store, now)];
  }

  /**
   * After the store has moved, and after anything else that may have made room.
   * @returns true when there is more to do, in another round.
   */
  tell(store: Store, now: number): boolean {
    if (this.#watchers.size === 0 || store.loading) return false;
    const end = startOf(store.revision + 1);
    const from = this.#toldTo;
    const touched = from === null ? null : touchedFrom(store, from);
    const round: Round = { store, now, pages: new Map(), changesLeft: limits.watchChangesPerRound };
    this.#crowded = false;
    for (const watcher of this.#watchers.values()) {
      const upToDate = from !== null && !isBefore(watcher.window.next, from);
      if (upToDate && !concerns(touched, watcher)) this.#moveOn(watcher, end, store);
      else this.#tellOne(watcher, round);
    }
    this.#toldTo = end;
    return round.changesLeft <= 0;
  }

  /** @returns "told" when there may be more for it now, "progress" when it wants to know how far it was told. */
  message(socket: WebSocket, message: string | ArrayBuffer): "told" | "progress" | "nothing" {
    const watcher = this.#find(socket);
    if (watcher === null) return "nothing";
    if (typeof message !== "string") return this.#refuse(watcher, closing.unsupported, "messages are text");
    if (message.length > limits.watchMessageCharacters) {
      const most = `a message has at most ${limits.watchMessageCharacters} characters`;
      return this.#refuse(watcher, closing.tooLarge, most);
    }
    const said = decodeWatchMessage(message);
    switch (said.type) {
      case "malformed":
        return this.#refuse(watcher, closing.notUnderstood, said.reason);
      case "progress":
        return "progress";
      case "ack": {
        const window = acknowledged(watcher.window, said.next);
        if (window === null) return this.#refuse(watcher, closing.notUnderstood, "next was never sent");
        const freed = window.unacked.length < watcher.window.unacked.length;
        this.#change(watcher, window);
        this.#save(watcher);
        return freed ? "told" : "nothing";
      }
    }
  }

  /** This one may have room, or is new. @returns true when there is more to do, for it or for others. */
  tellAgain(socket: WebSocket, store: Store, now: number): boolean {
    const watcher = this.#watchers.get(socket);
    const round: Round = { store, now, pages: new Map(), changesLeft: limits.watchChangesPerRound };
    const crowded = this.#crowded;
    if (watcher !== undefined && !store.loading) this.#tellOne(watcher, round);
    return crowded || round.changesLeft <= 0;
  }

  /** @param confirmed whether all that was acknowledged before the question is known here. */
  answerProgress(socket: WebSocket, { revision }: Store, confirmed: boolean): void {
    const watcher = this.#watchers.get(socket);
    if (watcher === undefined) return;
    this.#send(watcher, { type: "progress", revision, next: encodePlace(watcher.window.next), confirmed });
  }

  /** The client closes: it is answered with the same. */
  closed(socket: WebSocket, code: number, reason: string): void {
    this.forget(socket);
    // Codes that no frame may hold say that there was none, or no frame at all.
    close(socket, code === 1005 || code === 1006 ? 1000 : code, reason);
  }

  forget(socket: WebSocket): void {
    const watcher = this.#watchers.get(socket);
    if (watcher !== undefined) this.#unackedSize -= unackedSize(watcher.window);
    this.#watchers.delete(socket);
  }

  /** From the attachment, after the object slept. */
  #find(socket: WebSocket): Watcher | null {
    const known = this.#watchers.get(socket);
    if (known !== undefined) return known;
    const window = windowIn(socket.deserializeAttachment());
    if (window !== null) return this.#add(socket, window);
    close(socket, closing.comeAgain, "this socket was made by another version: come again");
    return null;
  }

  #add(socket: WebSocket, window: Window): Watcher {
    const watcher = { socket, kind: JSON.stringify(window.query), window, saved: window.next };
    this.#watchers.set(socket, watcher);
    this.#unackedSize += unackedSize(window);
    return watcher;
  }

  #change(watcher: Watcher, window: Window): void {
    this.#unackedSize += unackedSize(window) - unackedSize(watcher.window);
    watcher.window = window;
  }

  #save(watcher: Watcher): void {
    watcher.saved = watcher.window.next;
    watcher.socket.serializeAttachment(watcher.window);
  }

  /**
   * Nothing happened that it asked for. Its attachment follows now and then, and before history there is compacted: a
   * place from which everything was told must never read as one from which something is lost.
   */
  #moveOn(watcher: Watcher, to: EventPlace, { revision, compactedRevision }: Store): void {
    this.#change(watcher, movedTo(watcher.window, to));
    const { saved } = watcher;
    if (saved.revision < compactedRevision || saved.revision + limits.watchPlaceRevisions < revision)
      this.#save(watcher);
  }

  #tellOne(watcher: Watcher, round: Round): void {
    const { store, now } = round;
    for (;;) {
      const { window } = watcher;
      if (window.next.revision > store.revision) return this.#moveOn(watcher, window.next, store);
      const crowded = this.#unackedSize >= limits.watchAllUnackedBytes;
      if (crowded || !hasRoom(window)) return this.#holdUp(watcher, crowded, now);
      if (round.changesLeft <= 0) return;
      const page = read(watcher, round);
      if (page === "compacted") return this.#endCompacted(watcher, store);
      if (page.text === null) this.#change(watcher, movedTo(window, page.next));
      else {
        this.#change(watcher, sent(window, page.next, page.text.length));
        this.#save(watcher);
        if (!this.#sendText(watcher, page.text)) return;
      }
    }
  }

  #holdUp(watcher: Watcher, crowded: boolean, now: number): void {
    this.#crowded ||= crowded;
    // Who owes nothing is held up by the others alone.
    if (watcher.window.unacked.length === 0) return;
    if (isGivenUp(watcher.window, now)) {
      return this.#end(watcher, closing.tooSlow, `no acknowledgement; next=${encodePlace(watcher.window.acked)}`);
    }
    if (watcher.window.heldUpSince !== null) return;
    this.#change(watcher, heldUp(watcher.window, now));
    this.#save(watcher);
  }

  #endCompacted(watcher: Watcher, { compactedRevision }: Store): void {
    this.#send(watcher, { type: "compacted", compactedRevision });
    this.#end(watcher, closing.compacted, `compacted; next=${compactedRevision}`);
  }

  #refuse(watcher: Watcher, code: number, reason: string): "nothing" {
    this.#send(watcher, { type: "error", detail: reason });
    this.#end(watcher, code, reason);
    return "nothing";
  }

  #send(watcher: Watcher, message: object): boolean {
    return this.#sendText(watcher, JSON.stringify(message));
  }

  /** @returns false when the socket is gone. */
  #sendText({ socket }: Watcher, text: string): boolean {
    try {
      socket.send(text);
      return true;
    } catch {
      this.forget(socket);
      return false;
    }
  }

  #end({ socket }: Watcher, code: number, reason: string): void {
    this.forget(socket);
    close(socket, code, reason);
  }
}

/** Keys changed from a place on; null: more than are worth listing. */
function touchedFrom(store: Store, from: EventPlace): Touched {
  const query = { range: everything, from, puts: true, deletes: true, previous: false };
  const read = store.events(query, {
    events: limits.watchEvents,
    bytes: limits.watchBytes,
    changes: limits.watchEvents,
  });
  if (read.type === "compacted" || read.next.revision <= store.revision) return null;
  return read.events.map(({ entry }) => entry.key);
}

const concerns = (touched: Touched, { window }: Watcher): boolean =>
  touched === null || touched.some((key) => isFollowed(window.query, key));

/** One page for this watcher, and for all that ask the same from the same place. */
function read({ kind, window }: Watcher, round: Round): Page | "compacted" {
  const name = `${encodePlace(window.next)} ${kind}`;
  const known = round.pages.get(name);
  if (known !== undefined) return known;
  const answer = round.store.events({ ...window.query, from: window.next }, bounds);
  // About what was looked at: a revision is one change or a few.
  const end = answer.type === "events" ? answer.next.revision : 0;
  round.changesLeft -= Math.min(Math.max(1, end - window.next.revision), bounds.changes);
  const page = answer.type === "compacted" ? answer.type : shown(wholeRevisions(answer), window);
  round.pages.set(name, page);
  return page;
}

function shown({ events, next }: ReturnType<typeof wholeRevisions>, { query }: Window): Page {
  if (events.length === 0) return { text: null, next };
  const told = events.map((one) => shownEvent(one, query.previous));
  return { text: JSON.stringify({ type: "events", events: told, next: encodePlace(next) }), next };
}

function close(socket: WebSocket, code: number, reason: string): void {
  try {
    // A reason has at most 123 bytes.
    socket.close(code, reason.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 120));
  } catch {
    // It is closed already.
  }
}
