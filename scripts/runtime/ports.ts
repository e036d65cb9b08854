/**
 * Finds loopback ports for sockets that must come back on the same port after their process was killed. A port the
 * kernel chooses lies in the range it also gives to outgoing connections, so another connection may sit on it when
 * the process returns; these lie below that range.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { LauncherError } from "./errors.ts";

const firstPort = 20_000;
const lastPort = 31_999;
const attempts = 200;

const given = new Set<number>();

export async function findPort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort + 1));
    if (given.has(port)) continue;
    if (await isFree(port)) {
      given.add(port);
      return port;
    }
  }
  throw new LauncherError(`no free port between ${firstPort} and ${lastPort}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
