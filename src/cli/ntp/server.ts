/** The UDP side of the bridge: stamps what comes as early, and what goes as late, as this process can. */
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import type { Endpoint } from "../flags.ts";
import { cannotListen } from "../listening.ts";
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
    throw cannotListen({ address, port }, error);
  }
}
