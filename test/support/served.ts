/** Something that answers on loopback for as long as a test wants: a server of the test's own, or a real Synod. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startSingle } from "../../scripts/runtime/single.ts";

export interface Served {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** On a port that nobody uses. */
export async function served(server: Server): Promise<Served> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A Synod as `npm start` starts it; its data goes with it. */
export async function servedSynod(): Promise<Served> {
  const directory = mkdtempSync(join(tmpdir(), "synod-served-"));
  const synod = await startSingle({ dataDir: join(directory, "data"), port: 0 });
  return {
    url: synod.url,
    async stop() {
      await synod.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
