/**
 * The replica as a Durable Object: turns calls, answers, timers and alarms into events for the core, and carries its
 * effects out in their fixed order: persist, send, reply, wake. It has no `if` about the protocol.
 */
import { DurableObject } from "cloudflare:workers";
import { instant } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { usualDrift } from "../../src/replica/drift.ts";
import { Replica as Core } from "../../src/replica/replica.ts";
import type { ClientReply, Consistency, PeerReply } from "../../src/replica/messages.ts";
import type { Event, Send } from "../../src/replica/turn.ts";
import { Store } from "../../src/store/store.ts";
import { decodeAcceptorReply, encodeAcceptorRequest } from "../../src/wire/acceptor-codec.ts";
import { decodeClientRequest, encodeClientReply } from "../../src/wire/client-codec.ts";
import { decodePeerReply, decodePeerRequest, encodePeerReply, encodePeerRequest } from "../../src/wire/peer-codec.ts";
import { dataCentre } from "../adapters/data-centre.ts";
import { platformRandom } from "../adapters/random.ts";
import { ReplicaStorage } from "../adapters/replica-storage.ts";
import type { ReplicaRow } from "../adapters/replica-storage.ts";
import { sqlOf } from "../adapters/sql.ts";
import { transportOf } from "../adapters/transport.ts";
import type { ObjectAddress, Transport } from "../adapters/port.ts";
import { configOf, isLocationHint, placeOf } from "../config.ts";
import type { Bindings } from "../bindings.ts";
import { WatchSockets } from "./watch-sockets.ts";

/** A replica that has begun: its core, and what the shell keeps for it. */
interface Running {
  readonly core: Core;
  readonly store: Store;
  row: ReplicaRow;
}

export class Replica extends DurableObject<Bindings> {
  readonly #transport: Transport;
  readonly #storage: ReplicaStorage;
  readonly #sockets: WatchSockets;
  #running: Running | null = null;
  readonly #waiting = new Map<number, (body: ClientReply | PeerReply) => void>();
  #nextHandle = 1;
  #timer: { readonly at: number; readonly id: ReturnType<typeof setTimeout> } | null = null;
  #alarmAt: number | null = null;
  /** The slot at which the sockets were last gone over. */
  #toldSlot = 0;
  #tellsSoon = false;
  /** When to ask whether something was missed, as long as there are sockets. */
  #lookAt: number;

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    this.#transport = transportOf(env);
    this.#storage = new ReplicaStorage(sqlOf(ctx.storage.sql));
    this.#sockets = new WatchSockets(ctx);
    this.#lookAt = Date.now() + limits.watchAlarmMs;
  }

  /** A client's request, from the gateway. @throws {Error} when it cannot be decoded. */
  async fromClient(address: ObjectAddress, message: string): Promise<string> {
    const decoded = decodeClientRequest(message);
    if (!decoded.ok) throw new Error(`not understood: ${JSON.stringify(decoded.why)}`);
    const reply = await this.#ask(address, (handle) => ({ type: "client", handle, request: decoded.body }));
    return encodeClientReply(reply as ClientReply);
  }

  /** Another replica's request. @throws {Error} when it cannot be decoded. */
  async fromPeer(address: ObjectAddress, message: string): Promise<string> {
    const decoded = decodePeerRequest(message);
    if (!decoded.ok) throw new Error(`not understood: ${JSON.stringify(decoded.why)}`);
    const { from, request } = decoded.body;
    return encodePeerReply(
      (await this.#ask(address, (handle) => ({ type: "peer", handle, from, request }))) as PeerReply,
    );
  }

  async place(): Promise<string> {
    return JSON.stringify({ dataCentre: await dataCentre(this.env.SYNOD_TRACE_URL) });
  }

  /** The gateway hands a WebSocket over: `/watch/{namespace}/{region}?` and the watch, as it would be asked. */
  override fetch(request: Request): Response {
    const { pathname, search } = new URL(request.url);
    const [, door, namespace = "", region = ""] = pathname.split("/");
    const decoded = decodeClientRequest(decodeURIComponent(search.slice(1)));
    if (door !== "watch" || !isLocationHint(region) || !decoded.ok || decoded.body.type !== "watch") {
      return new Response("not understood", { status: 400 });
    }
    if (this.#sockets.isFull) return new Response("too many WebSockets", { status: 503 });
    const address = { namespace, region };
    const running = this.#begin(address);
    const [webSocket, more] = this.#sockets.accept(address, decoded.body.query, running.store, Date.now());
    if (more) this.#tellSoon(running);
    // It may come from a replica that knows more.
    this.ctx.waitUntil(this.#catchUp(address, { type: "local", maxAgeMs: limits.watchConfirmMs }));
    return new Response(null, { status: 101, webSocket });
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const { address } = this.#sockets;
    if (address === null) return;
    const running = this.#begin(address);
    switch (this.#sockets.message(socket, message)) {
      case "nothing":
        return;
      case "told":
        if (this.#sockets.tellAgain(socket, running.store, Date.now())) this.#tellSoon(running);
        return;
      case "progress": {
        const confirmed = await this.#catchUp(address);
        // Everything up to there is told before it is said to be.
        if (this.#toldSlot !== running.store.appliedSlot) this.#tell(running);
        this.#sockets.answerProgress(socket, running.store, confirmed);
      }
    }
  }

  override webSocketClose(socket: WebSocket, code: number, reason: string): void {
    this.#sockets.closed(socket, code, reason);
  }

  override webSocketError(socket: WebSocket): void {
    this.#sockets.forget(socket);
  }

  override async alarm(): Promise<void> {
    this.#alarmAt = null;
    const place = this.#running?.row ?? this.#placeByRow() ?? this.#sockets.address;
    if (place === null) return;
    this.#lookAt = Date.now() + limits.watchAlarmMs;
    this.#step(this.#begin(place), { type: "alarm" });
    if (this.#sockets.size > 0) await this.#catchUp(place);
  }

  /**
   * Makes sure that what was acknowledged before is applied here, and told: the leader gives up peers that it could not
   * reach for long. @returns false when no majority could say.
   */
  async #catchUp(address: ObjectAddress, consistency: Consistency = { type: "linearizable" }): Promise<boolean> {
    const query = { type: "leases", after: "", limit: 1 } as const;
    const request = { type: "read", consistency, query } as const;
    const reply = await this.#ask(address, (handle) => ({ type: "client", handle, request }));
    return reply.type === "result";
  }

  #ask(address: ObjectAddress, event: (handle: number) => Event): Promise<ClientReply | PeerReply> {
    const running = this.#begin(address);
    const handle = this.#nextHandle;
    this.#nextHandle += 1;
    return new Promise((resolve) => {
      this.#waiting.set(handle, resolve);
      this.#step(running, event(handle));
    });
  }

  /** An object that an alarm wakes knows itself only by its row, unless that is another's (L8). */
  #placeByRow(): ReplicaRow | null {
    const row = this.#storage.load();
    if (row === null || this.env.REPLICA.idFromName(`${row.namespace}/${row.region}`).equals(this.ctx.id)) return row;
    this.ctx.storage.transactionSync(() => this.#storage.drop());
    return null;
  }

  #begin(address: ObjectAddress): Running {
    if (this.#running !== null) return this.#running;
    const row = this.ctx.storage.transactionSync(() => this.#storage.loadFor(address));
    const store = new Store(sqlOf(this.ctx.storage.sql));
    const config = configOf(this.env);
    const core = new Core({
      place: placeOf(config, row.namespace, row.region),
      expiryGuard: config.expiryGuard,
      store,
      random: platformRandom,
      round: row.round,
      members: row.members,
      drift: usualDrift,
    });
    this.#running = { core, store, row };
    // Before anything is applied: places that were not written down for a while are still readable now.
    this.#toldSlot = store.appliedSlot;
    while (this.#sockets.tell(store, Date.now()));
    return this.#running;
  }

  /** One event, one transaction: a broken invariant rolls it back, and the object starts again from storage. */
  #step(running: Running, event: Event): void {
    const outcome = this.#orStop(running, event.type, () =>
      this.ctx.storage.transactionSync(() => {
        const stepped = running.core.step(event, instant(Date.now()));
        running.row = this.#storage.keep(running.row, stepped.persist, running.store.exists);
        return stepped;
      }),
    );
    for (const send of outcome.send) this.ctx.waitUntil(this.#send(running, send));
    for (const { handle, body } of outcome.reply) {
      this.#waiting.get(handle)?.(body);
      this.#waiting.delete(handle);
    }
    this.#wake(running, outcome.wakeAt);
    this.#setAlarm(outcome.alarmAt);
    if (this.#sockets.size === 0) return;
    this.#setAlarm(this.#lookAt);
    if (this.#toldSlot === running.store.appliedSlot) return;
    // After the answers have left, where there are many: a thousand take long to tell.
    if (this.#sockets.size > limits.watchSocketsToldAtOnce) this.#tellSoon(running);
    else this.#tell(running);
  }

  /** What was applied is durable, or nothing leaves: the runtime holds messages back until then (D1). */
  #tell(running: Running): void {
    this.#toldSlot = running.store.appliedSlot;
    const more = this.#orStop(running, "tell", () => this.#sockets.tell(running.store, Date.now()));
    if (more) this.#tellSoon(running);
  }

  /** Should it throw, nothing in memory can be trusted any more. */
  #orStop<Result>(running: Running, event: string, work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      console.error(JSON.stringify({ message: "replica stops", event, row: running.row, error: String(error) }));
      this.ctx.abort("a replica's invariant broke; it starts again from storage");
      throw error;
    }
  }

  #tellSoon(running: Running): void {
    if (this.#tellsSoon) return;
    this.#tellsSoon = true;
    setTimeout(() => {
      this.#tellsSoon = false;
      this.#tell(running);
    }, 0);
  }

  async #send(running: Running, { call, to, message, timeoutMs }: Send): Promise<void> {
    const address = { namespace: running.row.namespace, region: to.region };
    if (to.kind === "acceptor" && (message.type === "protocol" || message.type === "founding")) {
      const text = await this.#transport.call("acceptor", address, encodeAcceptorRequest(message), timeoutMs);
      const decoded = text === null ? null : decodeAcceptorReply(text);
      return this.#step(running, { type: "acceptor-answer", call, reply: decoded?.ok === true ? decoded.body : null });
    }
    if (message.type === "protocol" || message.type === "founding") return;
    const text = await this.#transport.call("peer", address, encodePeerRequest(running.row.region, message), timeoutMs);
    const decoded = text === null ? null : decodePeerReply(text);
    this.#step(running, { type: "replica-answer", call, reply: decoded?.ok === true ? decoded.body : null });
  }

  #wake(running: Running, at: number | null): void {
    if (at === null || (this.#timer !== null && this.#timer.at <= at)) return;
    if (this.#timer !== null) clearTimeout(this.#timer.id);
    const id = setTimeout(
      () => {
        this.#timer = null;
        this.#step(running, { type: "wake" });
      },
      Math.max(0, at - Date.now()),
    );
    this.#timer = { at, id };
  }

  /** An alarm that rings too early only sets itself again; one set for every change would cost a row each time. */
  #setAlarm(at: number | null): void {
    if (at === null || (this.#alarmAt !== null && this.#alarmAt <= at)) return;
    this.#alarmAt = at;
    this.ctx.waitUntil(
      this.ctx.storage.setAlarm(at).catch(() => {
        // Not set: the next turn tries again.
        this.#alarmAt = null;
      }),
    );
  }
}
