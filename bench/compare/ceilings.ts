/**
 * What the runtime itself can do, as a limit for Synod: a Worker that only answers, one that asks an empty object first,
 * and one whose object writes one row before it answers. In three processes, as the cluster has, so that both cores are
 * used alike. Takes Synod's requests: the method and the path say nothing to it but the key.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { compatibilityDate } from "../../scripts/runtime/bundle.ts";
import { storageName } from "../../scripts/runtime/config.ts";
import { RuntimeProcess } from "../../scripts/runtime/process.ts";
import { untilAnswering } from "../../scripts/runtime/ready.ts";
import type { Resources } from "./resources.ts";
import type { System } from "./system.ts";

const processCount = 3;

/** Each has a socket of its own in each process. */
const steps = [
  { name: "hello", title: "a Worker that answers", entrypoint: "Hello" },
  { name: "object", title: "an empty object call", entrypoint: "Ask" },
  { name: "row", title: "an object that writes one row", entrypoint: "Write" },
] as const;

export type Step = (typeof steps)[number]["name"];

const worker = `import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
const answer = () => new Response("hello", { headers: { "content-type": "application/octet-stream" } });
export class Empty extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS kv (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID");
  }
  ask() { return 1; }
  write(key, value) {
    this.ctx.storage.sql.exec("INSERT INTO kv VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value);
    return 1;
  }
}
const stubOf = (env) => env.EMPTY.get(env.EMPTY.idFromName("one"));
export class Hello extends WorkerEntrypoint {
  fetch() { return answer(); }
}
export class Ask extends WorkerEntrypoint {
  async fetch() {
    await stubOf(this.env).ask();
    return answer();
  }
}
export class Write extends WorkerEntrypoint {
  async fetch(request) {
    await stubOf(this.env).write(new URL(request.url).pathname, await request.arrayBuffer());
    return answer();
  }
}
export default { fetch: answer };
`;

const config = (): string => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "${storageName}", disk = (path = "${storageName}", writable = true)),
  ],
  sockets = [
${steps.map(({ name, entrypoint }) => `    (name = "${name}", address = "127.0.0.1:0", http = (), service = (name = "main", entrypoint = "${entrypoint}")),\n`).join("")}  ],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.js")],
  compatibilityDate = "${compatibilityDate()}",
  durableObjectNamespaces = [(className = "Empty", uniqueKey = "empty", enableSql = true)],
  durableObjectStorage = (localDisk = "${storageName}"),
  bindings = [(name = "EMPTY", durableObjectNamespace = "Empty")],
);
`;

export async function startCeilings(resources: Resources): Promise<Readonly<Record<Step, System>>> {
  const runtimes: RuntimeProcess[] = [];
  for (let index = 0; index < processCount; index += 1) {
    const home = resources.subdirectory(`ceiling-${index}`);
    const configFile = join(home, "ceiling.capnp");
    writeFileSync(join(home, "worker.js"), worker);
    writeFileSync(configFile, config());
    const storageDirectory = resources.subdirectory(`ceiling-${index}/objects`);
    const { keeper } = resources;
    const sockets = steps.map(({ name }) => name);
    const log = (line: string): void => void process.stderr.write(`ceiling: ${line}\n`);
    const runtime = await RuntimeProcess.start({ configFile, storageDirectory, sockets, keeper, log });
    resources.add(() => runtime.stop());
    await untilAnswering(`http://127.0.0.1:${runtime.port("object")}`, runtime);
    runtimes.push(runtime);
  }
  const roots = runtimes.map(({ pid }, index) => ({ role: `process${index + 1}`, pid }));
  const system = (name: Step): System => ({
    name: steps.find((step) => step.name === name)?.title ?? name,
    language: "synod",
    gateways: runtimes.map((runtime) => `http://127.0.0.1:${runtime.port(name)}`),
    roots,
  });
  return { hello: system("hello"), object: system("object"), row: system("row") };
}
