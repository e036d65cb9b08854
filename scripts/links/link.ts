/**
 * A TCP proxy from one region to another: the first connects here, and reaches the second under the conditions of the
 * two directions between them. The opening of a connection, its end and its breaking travel like bytes do, so a cut
 * link hides them as well: nothing is reset by a cut.
 */
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { Connection, type Route } from "./connection.ts";

/** Connections held at once, those of a cut link included; one more is refused by closing it. */
const maxConnections = 2_048;

export class Link {
  readonly #server: Server;
  readonly #connections = new Set<Connection>();

  static async listen(route: Route): Promise<Link> {
    const link = new Link(route);
    link.#server.listen(0, "127.0.0.1");
    await once(link.#server, "listening");
    return link;
  }

  private constructor(route: Route) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (opener) => {
      if (this.#connections.size >= maxConnections) {
        opener.destroy();
        return;
      }
      const connection: Connection = new Connection(opener, route, () => this.#connections.delete(connection));
      this.#connections.add(connection);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
  }
}
