/**
 * Writes the runtime's configuration (Cap'n Proto text) for one process: the Worker, its Durable Objects, its sockets,
 * and the other regions as external services. Pure: text in, text out.
 */
import { peerBinding } from "./regions.ts";

export interface RuntimeConfig {
  readonly compatibilityDate: string;
  /** The bundled Worker, relative to the configuration file. */
  readonly module: string;
  readonly bindings: Readonly<Record<string, string>>;
  readonly sockets: readonly SocketConfig[];
  /** Where this process finds each other region: `host:port`. */
  readonly peers: Readonly<Record<string, string>>;
}

export interface SocketConfig {
  readonly name: string;
  readonly address: string;
  /** The named entrypoint to serve; the default export when absent. */
  readonly entrypoint?: string;
}

/** The storage directory's name in the configuration; the command line says where it is. */
export const storageName = "objects";

const objects: readonly (readonly [binding: string, className: string, uniqueKey: string])[] = [
  ["ACCEPTOR", "Acceptor", "synod-acceptor"],
  ["REPLICA", "Replica", "synod-replica"],
  ["CLOCK", "Clock", "synod-clock"],
  ["CHECKER", "Checker", "synod-checker"],
];

export function writeConfig(config: RuntimeConfig): string {
  const peers = Object.entries(config.peers);
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = ${quote(storageName)}, disk = (path = "objects", writable = true)),
    # What health checks reach; nothing else asks the network.
    (name = "internet", network = (allow = [${reachable(config.bindings).map(quote).join(", ")}])),
${peers.map(([region, address]) => `    (name = ${quote(`peer-${region}`)}, external = (address = ${quote(address)}, http = ())),\n`).join("")}  ],
  sockets = [
${config.sockets.map(writeSocket).join("")}  ],
);

const worker :Workerd.Worker = (
  modules = [(name = "gateway", esModule = embed ${quote(config.module)})],
  compatibilityDate = ${quote(config.compatibilityDate)},
  # As in wrangler.toml.
  compatibilityFlags = ["enable_request_signal"],
  durableObjectNamespaces = [
${objects.map(([, className, key]) => `    (className = ${quote(className)}, uniqueKey = ${quote(key)}, enableSql = true),\n`).join("")}  ],
  durableObjectStorage = (localDisk = ${quote(storageName)}),
  bindings = [
${objects.map(([binding, className]) => `    (name = ${quote(binding)}, durableObjectNamespace = ${quote(className)}),\n`).join("")}${peers.map(([region]) => `    (name = ${quote(peerBinding(region))}, service = ${quote(`peer-${region}`)}),\n`).join("")}${Object.entries(
    config.bindings,
  )
    .map(([name, text]) => `    (name = ${quote(name)}, text = ${quote(text)}),\n`)
    .join("")}  ],
);
`;
}

/** Names are resolved here, so one that leads to a private address is refused here as well. */
const reachable = (bindings: RuntimeConfig["bindings"]): readonly string[] =>
  bindings["SYNOD_CHECK_PRIVATE"] === "true" ? ["public", "private", "local"] : ["public"];

function writeSocket({ name, address, entrypoint }: SocketConfig): string {
  const service = entrypoint === undefined ? '"main"' : `(name = "main", entrypoint = ${quote(entrypoint)})`;
  return `    (name = ${quote(name)}, address = ${quote(address)}, http = (), service = ${service}),\n`;
}

/** A text literal. Only printable ASCII ever comes here, whose two escapes are those of JSON. */
function quote(text: string): string {
  if (!/^[\x20-\x7e]*$/.test(text)) throw new Error(`not printable ASCII: ${JSON.stringify(text)}`);
  return JSON.stringify(text);
}
