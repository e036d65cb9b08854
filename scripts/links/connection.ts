/**
 * One proxied connection: two sockets and the two pipes between them. The opener was accepted by the link; the receiver
 * is dialled when the opening has travelled. Ends when both sockets have.
 */
import { connect, type Socket } from "node:net";
import type { Direction } from "./direction.ts";
import { Pipe, type Parcel } from "./pipe.ts";

export interface Route {
  /** From the region that opens connections to the one that receives them. */
  readonly there: Direction;
  readonly back: Direction;
  /** Asked for each connection: a region may come back on another port. */
  readonly targetPort: () => number;
}

export class Connection {
  readonly #opener: Socket;
  readonly #route: Route;
  readonly #onClose: () => void;
  readonly #towards: Pipe;
  readonly #returning: Pipe;
  #receiver: Socket | undefined;

  constructor(opener: Socket, route: Route, onClose: () => void) {
    this.#opener = opener;
    this.#route = route;
    this.#onClose = onClose;
    this.#towards = new Pipe(route.there, {
      deliver: (parcel) => (parcel.type === "open" ? this.#dial() : hand(parcel, this.#receiver)),
      pauseSender: (pause) => pauseIf(pause, opener),
    });
    this.#returning = new Pipe(route.back, {
      deliver: (parcel) => hand(parcel, opener),
      pauseSender: (pause) => pauseIf(pause, this.#receiver),
    });
    this.#towards.push({ type: "open" });
    this.#follow(opener, this.#towards, this.#returning);
  }

  destroy(): void {
    this.#opener.destroy();
    this.#receiver?.destroy();
    this.#close();
  }

  #dial(): true {
    const port = this.#route.targetPort();
    this.#receiver = connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
    this.#follow(this.#receiver, this.#returning, this.#towards);
    return true;
  }

  /** Sends what happens on `socket` through `outgoing`, and tells `incoming` when the socket takes more. */
  #follow(socket: Socket, outgoing: Pipe, incoming: Pipe): void {
    socket.on("data", (bytes) => outgoing.push({ type: "bytes", bytes }));
    socket.on("end", () => outgoing.push({ type: "end" }));
    socket.on("drain", () => incoming.resume());
    // The close that follows an error says what there is to do.
    socket.on("error", () => undefined);
    socket.on("close", (failed) => {
      if (failed) outgoing.push({ type: "broken" });
      incoming.resume();
      if (this.#opener.destroyed && this.#receiver?.destroyed === true) this.#close();
    });
  }

  #close(): void {
    this.#towards.close();
    this.#returning.close();
    this.#onClose();
  }
}

/** Hands a parcel to a socket; false if it wants no more for now. One that is gone swallows everything. */
function hand(parcel: Parcel, socket: Socket | undefined): boolean {
  if (socket === undefined || socket.destroyed) return true;
  if (parcel.type === "bytes") return socket.write(parcel.bytes);
  if (parcel.type === "end") socket.end();
  if (parcel.type === "broken") socket.destroy();
  return true;
}

function pauseIf(pause: boolean, socket: Socket | undefined): void {
  if (pause) socket?.pause();
  else socket?.resume();
}
