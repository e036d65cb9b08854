/**
 * One TCP connection of a DNS client (RFC 7766): messages behind their lengths, several at a time, answered as the answers
 * come. Ends what is idle, what does not read, and what speaks no DNS.
 */
import type { Socket } from "node:net";
import { bridgeLimits } from "./limits.ts";
import type { Bridge } from "./bridge.ts";

const lengthBytes = 2;

export class Connection {
  readonly #socket: Socket;
  readonly #bridge: Bridge;
  /** What came and is no whole message yet. */
  #rest = Buffer.alloc(0);
  #waiting = 0;
  #ended = false;
  readonly #idle: NodeJS.Timeout;

  constructor(socket: Socket, bridge: Bridge) {
    this.#socket = socket;
    this.#bridge = bridge;
    socket.setNoDelay(true);
    this.#idle = setTimeout(() => this.#pass(), bridgeLimits.idleMs);
    socket.on("data", (bytes: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, bytes]);
      this.#read();
    });
    socket.on("end", () => {
      this.#ended = true;
      this.#endIfDone();
    });
    socket.on("close", () => clearTimeout(this.#idle));
    // A client that goes away in the middle of something is no news.
    socket.on("error", () => socket.destroy());
  }

  /** Those who wait for an answer are not idle: theirs ends in its own time. */
  #pass(): void {
    if (this.#waiting === 0) this.#socket.destroy();
    else this.#idle.refresh();
  }

  #read(): void {
    while (this.#waiting < bridgeLimits.pipelined && this.#rest.length >= lengthBytes) {
      const end = lengthBytes + this.#rest.readUInt16BE(0);
      if (this.#rest.length < end) break;
      // Copied: a small message must not keep a large buffer alive.
      const message = Uint8Array.from(this.#rest.subarray(lengthBytes, end));
      this.#rest = this.#rest.subarray(end);
      this.#idle.refresh();
      void this.#answer(message);
    }
    // One message and its length at most wait here: then nothing more is read.
    if (this.#waiting < bridgeLimits.pipelined) this.#socket.resume();
    else this.#socket.pause();
  }

  async #answer(message: Uint8Array): Promise<void> {
    this.#waiting += 1;
    const answer = await this.#bridge.answer(message, "tcp");
    this.#waiting -= 1;
    const unread = this.#socket.writableLength > bridgeLimits.unreadBytes;
    if (answer === null || unread || this.#socket.destroyed) return void this.#socket.destroy();
    const length = Buffer.alloc(lengthBytes);
    length.writeUInt16BE(answer.length);
    this.#socket.write(Buffer.concat([length, answer]));
    this.#idle.refresh();
    this.#read();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#ended && this.#waiting === 0) this.#socket.end();
  }
}
