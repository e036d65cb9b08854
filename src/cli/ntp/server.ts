/** The UDP side of the bridge: stamps what comes as early, and what goes as late, as this process can. */
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { CommandError } from "../errors.ts";
import type { Endpoint } from "../flags.ts";
import { Responder } from "./responder.ts";
import type { ReadClock } from "./responder.ts";

export interface NtpServer {
  readonly endpoint: Endpoint;
  readonly counts: Responder["counts"];
  readonly stop: () => Promise<void>;
}

export async function serveNtp(listen: Endpoint, read: ReadClock, log: (line: string) => void): Promise<NtpServer> {
  const socket = createSocket(isIPv6(listen.address) ? "udp6" : "udp4");
  const responder = new Responder(read);
  socket.on("message", (bytes, { address, port }) => {
    const arrived = read();
    const answer = responder.answer(bytes, address, arrived, performance.now());
    // Port 0 is nowhere. Who cannot be reached is not told again.
    if (answer !== null && port !== 0) socket.send(answer, port, address, () => undefined);
  });
  await bound(socket, listen);
  socket.on("error", (error) => log(`the UDP socket reports: ${error.message}`));
  const { address, port } = socket.address();
  return {
    endpoint: { address, port },
    counts: responder.counts,
    async stop() {
      const closed = once(socket, "close");
      socket.close();
      await closed;
    },
  };
}

async function bound(socket: Socket, { address, port }: Endpoint): Promise<void> {
  const listening = once(socket, "listening");
  socket.bind(port, address);
  try {
    await listening;
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    const reasons: Readonly<Record<string, string>> = {
      EADDRINUSE: "something else listens there",
      EACCES: "ports below 1024 are for root, or for whoever has CAP_NET_BIND_SERVICE",
      EADDRNOTAVAIL: "this machine has no such address",
    };
    throw new CommandError(`cannot listen on ${address}:${port}: ${reasons[code ?? ""] ?? message}`);
  }
}
