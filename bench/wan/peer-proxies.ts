/**
 * etcd's members behind the same delays as Synod's regions. Every member dials a peer at the one address which that peer
 * advertises, so there is one proxy for each member, and who dials is read from what the connection says: etcd sends
 * `X-Server-From`, the sender's id, with every request between members (raft streams and pipelines), and a member never
 * shares its connections with another. A connection that has named nobody yet is not delayed; `unnamed` counts those
 * that were not, so that a measurement can show that nothing but probes went past the delays.
 */
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { Connection } from "../../scripts/links/connection.ts";
import { Direction } from "../../scripts/links/direction.ts";
import { roundTrip, type RoundTrips } from "../../scripts/links/round-trips.ts";

interface Dialled {
  readonly target: string;
  readonly there: Direction;
  readonly back: Direction;
  readonly connection: Connection;
  /** The sender's id, as the last request named it. */
  from: string | null;
}

export class PeerProxies {
  readonly #roundTrips: RoundTrips;
  readonly #servers = new Map<string, Server>();
  readonly #open = new Set<Dialled>();
  /** Regions by the id of their member, in hexadecimal. Empty while the members find each other: no delays then. */
  #regionOf: ReadonlyMap<string, string> = new Map();

  constructor(roundTrips: RoundTrips) {
    this.#roundTrips = roundTrips;
  }

  /** @returns the port at which the others reach the member that listens at `targetPort`. */
  async listen(region: string, targetPort: number): Promise<number> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (opener) => {
      this.#accept(opener, region, targetPort);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    this.#servers.set(region, server);
    return (server.address() as AddressInfo).port;
  }

  /** From now on there is distance between the members. @param regionOf by member id. */
  delay(regionOf: ReadonlyMap<string, string>): void {
    this.#regionOf = regionOf;
    for (const dialled of this.#open) this.#place(dialled);
  }

  /** Connections that have not said who dialled. */
  get unnamed(): number {
    return [...this.#open].filter(({ from }) => from === null).length;
  }

  get named(): number {
    return this.#open.size - this.unnamed;
  }

  close(): void {
    for (const server of this.#servers.values()) server.close();
    for (const { connection } of this.#open) connection.destroy();
  }

  #accept(opener: Socket, target: string, targetPort: number): void {
    const there = new Direction("", target, 0);
    const back = new Direction(target, "", 0);
    // Heard before the connection hears it: the request that names its sender is delayed like all that follow it.
    opener.on("data", (bytes: Buffer) => {
      const from = senderIn(bytes);
      if (from === null || from === dialled.from) return;
      dialled.from = from;
      this.#place(dialled);
    });
    const connection: Connection = new Connection(opener, { there, back, targetPort: () => targetPort }, () =>
      this.#open.delete(dialled),
    );
    const dialled: Dialled = { target, there, back, connection, from: null };
    this.#open.add(dialled);
  }

  #place({ from, target, there, back }: Dialled): void {
    const region = from === null ? undefined : this.#regionOf.get(from);
    const delayMs = region === undefined ? 0 : roundTrip(this.#roundTrips, region, target) / 2;
    there.set({ delayMs });
    back.set({ delayMs });
  }
}

/** The member that sent this request; null for bytes that are none, or that name nobody. */
export function senderIn(bytes: Buffer): string | null {
  if (!/^(GET|POST) /.test(bytes.toString("latin1", 0, 8))) return null;
  return /\r\nX-Server-From: ([0-9a-f]+)\r\n/i.exec(bytes.toString("latin1", 0, 4096))?.[1]?.toLowerCase() ?? null;
}
