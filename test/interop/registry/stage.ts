/**
 * What the clients are let loose on: a Synod as `npm start` starts it, and the DNS bridge in front of it. A temporary
 * directory and free ports of the loopback interface; whatever was started here is ended with the stage, last come first.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort, startSynod } from "../etcd/servers.ts";
import { daemon } from "./programs.ts";
import type { Daemon } from "./programs.ts";
import { startTwin } from "./twins.ts";
import type { Twin } from "./twins.ts";

const program = resolve(import.meta.dirname, "../../../src/cli/main.ts");

export class Stage {
  /** For files of those who use it, from the beginning to the end. */
  directory = "";
  /** Of Synod. */
  url = "";
  /** Of the bridge, over UDP and TCP. */
  dnsPort = 0;
  readonly #started: (() => Promise<void>)[] = [];

  /** @param dnsPort 0 for a free one. @param twin a mistake that is made on the way to Synod. */
  async begin(dnsPort = 0, twin?: Twin): Promise<this> {
    this.directory = mkdtempSync(join(tmpdir(), "synod-registry-"));
    try {
      const synod = await startSynod("--checks", "private");
      this.until(async () => synod.stop());
      this.url = synod.url;
      if (twin !== undefined) {
        const between = await startTwin(twin, synod.url);
        this.until(async () => between.stop());
        this.url = between.url;
      }
      const listen = `127.0.0.1:${dnsPort}`;
      const bridge = this.runs(process.execPath, [program, "dns", "--listen", listen, "--from", this.url]);
      this.dnsPort = Number((await bridge.says(/answering DNS on 127\.0\.0\.1:(\d+),/))[1]);
      return this;
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  until(stop: () => Promise<void>): void {
    this.#started.push(stop);
  }

  runs(command: string, args: readonly string[]): Daemon {
    const started = daemon(command, args);
    this.until(async () => started.stop());
    return started;
  }

  async end(): Promise<void> {
    for (const stop of this.#started.splice(0).toReversed()) await stop().catch(() => undefined);
    if (this.directory !== "") rmSync(this.directory, { recursive: true, force: true });
  }

  /** A server that says its name to everybody, and counts them. It has metrics for Prometheus. */
  async backend(name: string, address = "127.0.0.1", port = 0): Promise<Backend> {
    let asked = 0;
    const server = createServer(({ url }, response) => {
      if (url === "/metrics") return response.end(`backend_requests_total{name="${name}"} ${asked}\n`);
      asked += 1;
      return response.end(`${name}\n`);
    });
    server.listen(port, address);
    await once(server, "listening");
    this.until(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    });
    return { name, address, port: (server.address() as AddressInfo).port, asked: () => asked };
  }

  /** As `backend`, at one port of several of the machine's own addresses. */
  async backendsAtOnePort(names: readonly string[]): Promise<readonly Backend[]> {
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort();
      try {
        const made: Backend[] = [];
        for (const [i, name] of names.entries()) made.push(await this.backend(name, `127.0.0.${11 + i}`, port));
        return made;
      } catch (error) {
        // Somebody took it meanwhile.
        if (attempt === 5) throw error;
      }
    }
  }
}

export interface Backend {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly asked: () => number;
}

/** Registers natively, for longer than any of this takes. @throws {Error} unless it is told that it did. */
export async function register(
  url: string,
  service: string,
  id: string,
  instance: Readonly<Record<string, unknown>>,
): Promise<void> {
  const answer = await fetch(`${url}/services/${service}/${id}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ttl: 3600, ...instance }),
  });
  if (!answer.ok) throw new Error(`${id} was not registered: ${answer.status} ${await answer.text()}`);
}

export async function deregister(url: string, service: string, id: string): Promise<void> {
  const answer = await fetch(`${url}/services/${service}/${id}`, { method: "DELETE" });
  if (!answer.ok) throw new Error(`${id} was not removed: ${answer.status} ${await answer.text()}`);
}

/** Takes an instance out of service, or back, without removing it. */
export async function maintain(url: string, id: string, enable: boolean): Promise<void> {
  const answer = await fetch(`${url}/v1/agent/service/maintenance/${id}?enable=${enable}`, { method: "PUT" });
  if (!answer.ok) throw new Error(`${id} was not maintained: ${answer.status} ${await answer.text()}`);
}

/** What a part is given. */
export interface Setting {
  readonly stage: Stage;
  /** The long form: also what takes long, and more of everything. */
  readonly long: boolean;
  /** Which mistake the stage makes. */
  readonly twin?: Twin;
}
