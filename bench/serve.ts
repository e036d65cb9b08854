/**
 * Serves an already bundled Worker one way or the other until standard input ends, and prints its URL. Started by
 * `start.ts`, once for each measurement, so that both ways begin from nothing: a new Node process.
 *
 *   node bench/serve.ts workerd|miniflare MODULE DIRECTORY
 */
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compatibilityDate } from "../scripts/runtime/bundle.ts";
import { defaultRegions } from "../scripts/runtime/regions.ts";

interface Served {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

const [way, module, directory] = process.argv.slice(2);
if (module === undefined || directory === undefined) throw new Error("serve.ts WAY MODULE DIRECTORY");

const bindings = {
  SYNOD_REGIONS: defaultRegions.join(","),
  SYNOD_CLUSTER: "0123456789abcdef0123456789abcdef",
  SYNOD_OPEN: "true",
  SYNOD_HOME: defaultRegions[0] ?? "",
};

/** Imported only here, so that the other way does not pay for loading it. */
async function serveWorkerd(file: string, path: string): Promise<Served> {
  const [{ writeConfig }, { Keeper }, { RuntimeProcess }] = await Promise.all([
    import("../scripts/runtime/config.ts"),
    import("../scripts/runtime/keeping.ts"),
    import("../scripts/runtime/process.ts"),
  ]);
  const storageDirectory = join(path, "objects");
  mkdirSync(storageDirectory, { recursive: true });
  const configFile = join(path, "synod.capnp");
  writeFileSync(join(path, "gateway.js"), readFileSync(file));
  const sockets = [{ name: "gateway", address: "127.0.0.1:0" }];
  writeFileSync(
    configFile,
    writeConfig({
      compatibilityDate: compatibilityDate(),
      module: "gateway.js",
      bindings,
      sockets,
      peers: {},
    }),
  );
  const keeper = await Keeper.lock(join(path, "lock"), path);
  const log = (): void => undefined;
  const runtime = await RuntimeProcess.start({
    configFile,
    storageDirectory,
    sockets: ["gateway"],
    keeper,
    log,
  });
  const stop = async (): Promise<void> => {
    await runtime.stop();
    await keeper.release();
  };
  return { url: `http://127.0.0.1:${runtime.port("gateway")}`, stop };
}

async function serveMiniflare(file: string, path: string): Promise<Served> {
  const { Miniflare, convertV4MiniflareOptions } = await import("miniflare");
  const miniflare = new Miniflare({
    ...convertV4MiniflareOptions({
      name: "synod",
      modules: [{ type: "ESModule", path: file, contents: readFileSync(file, "utf8") }],
      modulesRoot: join(file, ".."),
      compatibilityDate: compatibilityDate(),
      // As wrangler.toml has it.
      compatibilityFlags: ["enable_request_signal"],
      bindings,
      durableObjects: {
        ACCEPTOR: { className: "Acceptor", useSQLite: true },
        REPLICA: { className: "Replica", useSQLite: true },
        CLOCK: { className: "Clock", useSQLite: true },
        CHECKER: { className: "Checker", useSQLite: true },
      },
      host: "127.0.0.1",
      port: 0,
      cf: false,
    }),
    resourcePersistencePath: path,
  });
  const url = await miniflare.ready;
  return { url: url.origin, stop: async () => miniflare.dispose() };
}

const served = await (way === "workerd" ? serveWorkerd(module, directory) : serveMiniflare(module, directory));
process.stdout.write(`${served.url}\n`);
process.stdin.resume();
await once(process.stdin, "end");
await served.stop();
process.exit(0);
