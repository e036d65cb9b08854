/** The bridge's sockets: UDP and TCP at one address. */
import { createSocket } from "node:dgram";
import type { Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, isIPv6 } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Endpoint } from "../flags.ts";
import { cannotListen } from "../listening.ts";
import type { Bridge } from "./bridge.ts";
import { bridgeLimits } from "./limits.ts";
import { Connection } from "./tcp.ts";

export interface DnsServer {
  readonly endpoint: Endpoint;
  readonly stop: () => Promise<void>;
}

/** @throws {CommandError} when one of the two cannot be had. */
export async function serveDns(listen: Endpoint, bridge: Bridge, log: (line: string) => void): Promise<DnsServer> {
  const connections = new Set<Socket>();
  const tcp = createServer({ allowHalfOpen: true }, (socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
    new Connection(socket, bridge);
  });
  tcp.maxConnections = bridgeLimits.connections;
  const udp = createSocket(isIPv6(listen.address) ? "udp6" : "udp4");
  udp.on("message", (bytes, { address, port }) => {
    void bridge.answer(bytes, "udp").then((answer) => {
      // Port 0 is nowhere. Who cannot be reached is not told again.
      if (answer !== null && port !== 0) send(udp, answer, { address, port });
    });
  });
  try {
    const { address, port } = await boundTcp(tcp, listen);
    await boundUdp(udp, { address, port });
    for (const [name, socket] of [
      ["UDP", udp],
      ["TCP", tcp],
    ] as const)
      socket.on("error", (error: Error) => log(`the ${name} socket reports: ${error.message}`));
    const endpoint = { address, port };
    return { endpoint, stop: async () => stopped(udp, tcp, connections) };
  } catch (error) {
    udp.close();
    tcp.close();
    throw cannotListen(listen, error);
  }
}

function send(udp: DatagramSocket, answer: Uint8Array, { address, port }: Endpoint): void {
  try {
    udp.send(answer, port, address, () => undefined);
  } catch {
    // Closed meanwhile.
  }
}

/** First, for its port may be chosen by the system; the other takes the same. */
async function boundTcp(server: Server, { address, port }: Endpoint): Promise<Endpoint> {
  const listening = once(server, "listening");
  server.listen(port, address);
  await listening;
  const bound = server.address() as AddressInfo;
  return { address: bound.address, port: bound.port };
}

async function boundUdp(socket: DatagramSocket, { address, port }: Endpoint): Promise<void> {
  const listening = once(socket, "listening");
  socket.bind(port, address);
  await listening;
}

async function stopped(udp: DatagramSocket, tcp: Server, connections: ReadonlySet<Socket>): Promise<void> {
  const closed = Promise.all([once(udp, "close"), once(tcp, "close")]);
  udp.close();
  tcp.close();
  for (const socket of connections) socket.destroy();
  await closed;
}
