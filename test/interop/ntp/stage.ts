/** What is judged: the bridge, and something that answers like a Synod with clocks of our choice. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { resolve } from "node:path";
import { served } from "../../support/served.ts";
import type { Served } from "../../support/served.ts";
import { freeUdpPort } from "./tools.ts";

/** Regions whose clocks are ahead of this machine's by so many ms; null does not know the time. */
export async function feignedSynod(ahead: Readonly<Record<string, number | null>>): Promise<Served> {
  const server = createServer(({ url = "" }, response) => {
    const { pathname, searchParams } = new URL(url, "http://synod.test");
    response.setHeader("content-type", "application/json");
    if (pathname === "/time/regions") {
      response.end(JSON.stringify({ regions: Object.keys(ahead).map((region) => ({ region })) }));
      return;
    }
    const by = ahead[searchParams.get("region") ?? ""] ?? null;
    if (by === null) {
      response.writeHead(503).end('{"code":"clock-unsynchronised","detail":"feigned","leap":3}');
      return;
    }
    const now = Date.now() + by;
    const t1 = searchParams.get("t1");
    const worth = { tick_ms: 1, leap: 0, stratum: 3, root_delay_ms: 0, root_dispersion_ms: 27 };
    response.end(JSON.stringify({ t1, t2: now, t3: now, ...worth }));
  });
  return served(server);
}

export interface Bridge {
  readonly port: number;
  readonly log: () => string;
  /** Settles when the log says so. */
  readonly says: (text: string) => Promise<void>;
  readonly stop: () => Promise<number | null>;
}

const program = resolve(import.meta.dirname, "../../../src/cli/main.ts");

export async function startBridge(from: string, port?: number): Promise<Bridge> {
  const chosen = port ?? (await freeUdpPort());
  const listen = `127.0.0.1:${chosen}`;
  const child = spawn(process.execPath, [program, "ntp", "--listen", listen, "--from", from], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (bytes: Buffer) => (log += bytes.toString()));
  const ended = once(child, "close").then(([code]) => code as number | null);
  return {
    port: chosen,
    log: () => log,
    async says(text) {
      for (let left = 200; !log.includes(text); left -= 1) {
        if (left === 0 || child.exitCode !== null) throw new Error(`the bridge never said "${text}":\n${log}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async stop() {
      child.kill("SIGTERM");
      return ended;
    },
  };
}
