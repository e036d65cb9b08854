/** The client's end of a WebSocket, for tests in the runtime: what it is told is kept until the test asks for it. */
import { expect } from "vitest";
import { send } from "./api.ts";

export const upgrade = async (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  send("GET", path, { headers: { upgrade: "websocket", ...headers } });

export class ClientEnd {
  readonly socket: WebSocket;
  /** Settles with the code and the reason. */
  readonly closed: Promise<readonly [number, string]>;
  readonly #heard: unknown[] = [];
  #isClosed = false;
  #wake: () => void = () => undefined;

  constructor({ status, webSocket }: Response) {
    expect(status).toBe(101);
    if (webSocket === null) throw new Error("no socket came");
    this.socket = webSocket;
    webSocket.binaryType = "arraybuffer";
    webSocket.addEventListener("message", ({ data }) => {
      this.#heard.push(data);
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      webSocket.addEventListener("close", ({ code, reason }) => {
        this.#isClosed = true;
        this.#wake();
        resolve([code, reason]);
      });
    });
    webSocket.accept();
  }

  send(message: unknown): void {
    this.socket.send(JSON.stringify(message));
  }

  /** The first that fits of those that were not asked for yet. @throws {Error} when none can come any more. */
  async first(fits: (data: unknown) => boolean): Promise<unknown> {
    for (;;) {
      const at = this.#heard.findIndex(fits);
      if (at >= 0) return this.#heard.splice(at, 1)[0];
      if (this.#isClosed) throw new Error("the socket is closed");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** How many of those that were not asked for yet fit. */
  count(fits: (data: unknown) => boolean): number {
    return this.#heard.filter(fits).length;
  }
}
