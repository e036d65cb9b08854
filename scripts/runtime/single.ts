/**
 * One process with all regions inside it: what `npm start` runs. Also called by tests and benchmarks, which may bring a
 * Worker of their own.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { join, resolve } from "node:path";
import { bundleWorker, compatibilityDate, gatewayEntry } from "./bundle.ts";
import { writeConfig } from "./config.ts";
import { openDataDirectory, type DataDirectory } from "./data-directory.ts";
import { AddressInUse } from "./errors.ts";
import { RuntimeProcess } from "./process.ts";
import { untilAnswering } from "./ready.ts";
import { settingsBindings } from "./settings.ts";
import type { Settings } from "./settings.ts";
import { ephemeralTimeKey } from "./time-key.ts";

export interface SingleOptions extends Settings {
  /** Absent: the regions the data directory remembers, else the default ones. */
  readonly regions?: readonly string[] | undefined;
  readonly dataDir: string;
  readonly host?: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** The Worker's entry; absent, the one that is deployed. */
  readonly entry?: string;
  readonly log?: (line: string) => void;
}

export interface Single {
  readonly url: string;
  readonly pid: number;
  readonly regions: readonly string[];
  /** Settles with a description once the runtime has ended, wanted or not. */
  readonly ended: Promise<string>;
  readonly lastWords: () => string;
  readonly stop: () => Promise<void>;
}

export async function startSingle(options: SingleOptions): Promise<Single> {
  const settings = settingsBindings(options);
  const data = await openDataDirectory(resolve(options.dataDir), "single", options.regions);
  try {
    return await startIn(data, options, settings);
  } catch (error) {
    await data.keeper.release();
    throw error;
  }
}

async function startIn(
  data: DataDirectory,
  options: SingleOptions,
  settings: Readonly<Record<string, string>>,
): Promise<Single> {
  const { host = "127.0.0.1", port, entry = gatewayEntry, log = () => undefined } = options;
  const hostInUrl = isIPv6(host) ? `[${host}]` : host;
  const storageDirectory = join(data.path, "objects");
  const runtimeDirectory = join(data.path, "runtime");
  for (const directory of [storageDirectory, runtimeDirectory]) mkdirSync(directory, { recursive: true });
  await bundleWorker(entry, join(runtimeDirectory, "gateway.js"));
  const configFile = join(runtimeDirectory, "synod.capnp");
  const config = writeConfig({
    compatibilityDate: compatibilityDate(),
    module: "gateway.js",
    bindings: {
      SYNOD_REGIONS: data.regions.join(","),
      SYNOD_CLUSTER: data.cluster,
      SYNOD_OPEN: "true",
      SYNOD_HOME: options.regions?.[0] ?? data.regions[0] ?? "",
      ...settings,
      ...ephemeralTimeKey(),
    },
    sockets: [{ name: "gateway", address: `${hostInUrl}:${port}` }],
    peers: {},
  });
  // The key is for this user's eyes.
  writeFileSync(configFile, config, { mode: 0o600 });

  const { keeper } = data;
  const runtime = await start({ configFile, storageDirectory, keeper, log }, `${host}:${port}`);
  const url = `http://${reachable(host)}:${runtime.port("gateway")}`;
  const stop = async (): Promise<void> => {
    await runtime.stop();
    await keeper.release();
  };
  try {
    await untilAnswering(url, runtime);
  } catch (error) {
    await runtime.stop();
    throw error;
  }
  return {
    url,
    pid: runtime.pid,
    regions: data.regions,
    ended: runtime.ended,
    lastWords: () => runtime.lastWords,
    stop,
  };
}

async function start(
  options: Omit<Parameters<typeof RuntimeProcess.start>[0], "sockets">,
  address: string,
): Promise<RuntimeProcess> {
  try {
    return await RuntimeProcess.start({ ...options, sockets: ["gateway"] });
  } catch (error) {
    if (error instanceof AddressInUse)
      throw new AddressInUse(error.socket, `${address} is already in use; choose another --port`);
    throw error;
  }
}

/** An address a client on this machine can use. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return isIPv6(host) ? `[${host}]` : host;
}
