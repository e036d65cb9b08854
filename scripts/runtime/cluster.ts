/**
 * One runtime process for each region, which reach each other only through proxies that can delay and cut: what
 * `npm run cluster`, the chaos tests and the benchmarks run, because here a region can really be killed.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { serveControl } from "../links/control.ts";
import { Network, type LinkChange } from "../links/network.ts";
import { checkRoundTrips } from "../links/round-trips.ts";
import { bundleWorker, compatibilityDate, gatewayEntry } from "./bundle.ts";
import { writeConfig } from "./config.ts";
import { openDataDirectory, settleRegions, type DataDirectory } from "./data-directory.ts";
import { UsageError } from "./errors.ts";
import { Region } from "./region.ts";
import { settingsBindings } from "./settings.ts";
import type { Settings } from "./settings.ts";
import { ephemeralTimeKey } from "./time-key.ts";

export interface ClusterOptions extends Settings {
  /** Absent: the regions the data directory remembers, else the default ones. */
  readonly regions?: readonly string[] | undefined;
  /** The first region's gateway; the others follow. 0 or absent: ports are found. */
  readonly basePort?: number;
  /** Absent: a temporary directory, removed at the end. */
  readonly dataDir?: string | undefined;
  /** Milliseconds of round trip between regions: `{"wnam-enam": 60}`. */
  readonly rtt?: Readonly<Record<string, unknown>>;
  /** Absent: nothing is served. 0: the kernel chooses. */
  readonly controlPort?: number | undefined;
  /** The Worker's entry; absent, the one that is deployed. */
  readonly entry?: string;
  readonly log?: (line: string) => void;
}

export interface ClusterRegion {
  readonly region: string;
  readonly url: string;
  readonly doorUrl: string;
  /** Of the region's process; of the last one if it has ended. */
  readonly pid: number;
}

export interface Cluster {
  readonly regions: readonly ClusterRegion[];
  /** What a caller of a door must show. */
  readonly secret: string;
  readonly controlUrl: string | undefined;
  /** Changes one direction. */
  readonly link: (from: string, to: string, change: LinkChange) => void;
  /** Every direction back to its round trip, uncut. */
  readonly heal: () => void;
  /** SIGKILL unless told otherwise. */
  readonly kill: (region: string, signal?: NodeJS.Signals) => Promise<ClusterRegion>;
  readonly restart: (region: string) => Promise<ClusterRegion>;
  readonly stop: () => Promise<void>;
}

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const temporary = options.dataDir === undefined ? mkdtempSync(join(tmpdir(), "synod-cluster-")) : undefined;
  const undo: (() => void | Promise<void>)[] = [];
  let stopping: Promise<void> | undefined;
  const undoAll = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  // Whoever asks once more waits for the same end: two would take turns at the steps, and the later ones would come too early.
  const stop = async (): Promise<void> => (stopping ??= undoAll());
  if (temporary !== undefined) undo.push(() => rmSync(temporary, { recursive: true, force: true }));
  try {
    return await startIn(resolve(temporary ?? options.dataDir ?? ""), options, undo, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startIn(
  directory: string,
  options: ClusterOptions,
  undo: (() => void | Promise<void>)[],
  stop: () => Promise<void>,
): Promise<Cluster> {
  const roundTrips = checkRoundTrips(options.rtt ?? {}, settleRegions(directory, "cluster", options.regions));
  const settings = settingsBindings(options);
  const data = await openDataDirectory(directory, "cluster", options.regions);
  undo.push(() => data.keeper.release());
  const { basePort = 0, entry = gatewayEntry, log = () => undefined } = options;
  if (basePort + data.regions.length > 65_536) throw new UsageError(`base port ${basePort} leaves no room`);

  const byName = new Map<string, Region>();
  const find = (name: string): Region => {
    const region = byName.get(name);
    if (region === undefined) throw new UsageError(`unknown region "${name}"`);
    return region;
  };
  const network = await Network.open(data.regions, roundTrips, (name) => find(name).doorPort);
  undo.push(() => network.close());
  await bundleWorker(entry, join(data.path, "gateway.js"));
  const secret = randomBytes(32).toString("hex");
  const timeKey = ephemeralTimeKey();
  for (const [index, name] of data.regions.entries()) {
    const port = basePort === 0 ? 0 : basePort + index;
    const around = { data, network, secret, timeKey, settings, log: (line: string) => log(`${name}: ${line}`) };
    byName.set(name, prepare(name, port, around));
  }
  const regions = [...byName.values()];
  undo.push(async () => void (await Promise.all(regions.map((region) => region.stop()))));
  await Promise.all(regions.map((region) => region.start()));

  const cluster = {
    get regions() {
      return regions.map(describe);
    },
    secret,
    link: (from: string, to: string, change: LinkChange) => void network.change(from, to, change),
    heal: () => network.heal(),
    kill: async (name: string, signal: NodeJS.Signals = "SIGKILL") => {
      await find(name).signal(signal);
      return describe(find(name));
    },
    restart: async (name: string) => {
      await find(name).restart();
      return describe(find(name));
    },
    stop,
  };
  let controlUrl: string | undefined;
  if (options.controlPort !== undefined) {
    const has = (name: string): boolean => byName.has(name);
    const { kill, restart } = cluster;
    const control = await serveControl(options.controlPort, { network, has, kill, restart });
    undo.push(() => control.close());
    controlUrl = control.url;
  }
  // Not spread: `regions` is read anew each time.
  return Object.assign(cluster, { controlUrl });
}

interface Surroundings {
  readonly data: DataDirectory;
  readonly network: Network;
  readonly secret: string;
  /** One for all regions, as on a deployment. */
  readonly timeKey: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

function prepare(name: string, port: number, around: Surroundings): Region {
  const { data, network, secret, timeKey, settings, log } = around;
  const home = join(data.path, name);
  const storageDirectory = join(home, "objects");
  mkdirSync(storageDirectory, { recursive: true });
  const others = data.regions.filter((other) => other !== name);
  const configure = (ports: { readonly gateway: number; readonly door: number }): string => {
    const configFile = join(home, "synod.capnp");
    const text = writeConfig({
      compatibilityDate: compatibilityDate(),
      module: "../gateway.js",
      bindings: {
        SYNOD_REGIONS: data.regions.join(","),
        SYNOD_CLUSTER: data.cluster,
        SYNOD_OPEN: "true",
        SYNOD_HOME: name,
        SYNOD_SECRET: secret,
        ...settings,
        ...timeKey,
      },
      sockets: [
        { name: "gateway", address: `127.0.0.1:${ports.gateway}` },
        { name: "door", address: `127.0.0.1:${ports.door}`, entrypoint: "Door" },
      ],
      peers: Object.fromEntries(others.map((other) => [other, network.address(name, other)])),
    });
    // The secrets are for this user's eyes.
    writeFileSync(configFile, text, { mode: 0o600 });
    return configFile;
  };
  return new Region({ region: name, storageDirectory, keeper: data.keeper, port, configure, log });
}

const describe = (region: Region): ClusterRegion => ({
  region: region.name,
  url: region.url,
  doorUrl: `http://127.0.0.1:${region.doorPort}`,
  pid: region.pid,
});
