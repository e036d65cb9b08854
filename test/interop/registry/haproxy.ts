/**
 * haproxy as a load balancer that finds its servers by SRV records through the bridge: real requests through it reach the
 * instances that are registered, by their weights, and no others. What its stats socket says is compared with that.
 */
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "../etcd/servers.ts";
import { deregister, maintain, register } from "./stage.ts";
import type { Backend, Setting } from "./stage.ts";
import { textsOf } from "./tally.ts";
import type { Tally } from "./tally.ts";

/**
 * Several instances at one address need `allow-dup-ip`: haproxy otherwise lets servers of one backend have each address once.
 */
const server =
  "_ha-web._tcp.service.synod resolvers synod resolve-prefer ipv4 resolve-opts allow-dup-ip init-addr none";

/** haproxy has weights of 0 to 256, and makes of an SRV record's the 256th part, rounded up. */
const weightUnit = 256;

export async function haproxy(tally: Tally, { stage, long }: Setting): Promise<void> {
  const { url } = stage;
  const names = ["ha-a", "ha-b", "ha-c", "ha-d"];
  const [a, b, c, d] = (await Promise.all(names.map(async (name) => stage.backend(name)))) as unknown as [
    Backend,
    Backend,
    Backend,
    Backend,
  ];
  const enrol = async ({ name, address, port }: Backend, passing: number, more: object = {}): Promise<void> =>
    register(url, "ha-web", name, { address, port, weights: { passing, warning: 1 }, ...more });
  await enrol(a, weightUnit);
  await enrol(b, 3 * weightUnit);
  await enrol(c, weightUnit);

  const port = await freePort();
  const socket = join(stage.directory, "haproxy.sock");
  const config = join(stage.directory, "haproxy.cfg");
  writeFileSync(config, balancer({ port, socket, dnsPort: stage.dnsPort }));
  stage.runs("haproxy", ["-db", "-f", config]);

  const servers = async (): Promise<readonly string[]> =>
    tally.does(async () => serversOf(await command(socket, "show stat")));
  const comes = async (what: string, ...all: readonly (readonly [Backend, number])[]): Promise<unknown> =>
    tally.comes(what, servers, textsOf(all.map(([one, weight]) => `${one.address}:${one.port} ${weight}`)), 200);
  const request = async (): Promise<string> =>
    tally.does(async () =>
      (await (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } })).text()).trim(),
    );
  const shares = async (requests: number): Promise<Readonly<Record<string, number>>> => {
    const counts: Record<string, number> = {};
    for (let i = 0; i < requests; i += 1) {
      const name = await request();
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  };
  const near = (share: number, all: number) => (seen: unknown) => Math.abs(Number(seen) - share * all) <= 0.05 * all;
  const requests = long ? 1000 : 100;

  await comes("servers from SRV", [a, 1], [b, 3], [c, 1]);
  const first = await shares(requests);
  tally.like("shares by weight", first, {
    "ha-a": near(0.2, requests),
    "ha-b": near(0.6, requests),
    "ha-c": near(0.2, requests),
  });
  tally.like("nobody else is asked", Object.keys(first).length, 3);
  tally.like(
    "what the servers counted",
    [a.asked(), b.asked(), c.asked()],
    [first["ha-a"], first["ha-b"], first["ha-c"]],
  );

  // One leaves, one is ill, one comes, and one is worth less: all at once.
  await deregister(url, "ha-web", a.name);
  await maintain(url, c.name, true);
  await enrol(d, weightUnit);
  await enrol(b, 1);
  await comes("servers after a change", [b, 1], [d, 1]);
  const [ofA, ofC] = [a.asked(), c.asked()];
  const second = await shares(requests);
  tally.like("shares after a change", second, { "ha-b": near(0.5, requests), "ha-d": near(0.5, requests) });
  tally.like("who left and who is ill get no more", [a.asked(), c.asked()], [ofA, ofC]);
  tally.notes.push(`${requests} requests by weight 1:3:1 ${JSON.stringify(first)}, then 1:1 ${JSON.stringify(second)}`);
  if (!long) return;

  await maintain(url, c.name, false);
  await comes("servers once one is well again", [b, 1], [c, 1], [d, 1]);
  for (const { name } of [b, c, d]) await deregister(url, "ha-web", name);
  await comes("no server when nobody is registered");
  tally.like("then it says so", (await tally.does(async () => fetch(`http://127.0.0.1:${port}/`))).status, 503);
  await enrol(a, 2 * weightUnit, { region: "weur" });
  await comes("the first one that comes", [a, 2]);
  tally.like("it is asked", await request(), "ha-a");
  // It knows no priority, so it takes who is far for as good as who is near.
  await enrol(b, weightUnit, { region: "apac" });
  await comes("one of another region", [a, 2], [b, 1]);
}

const balancer = ({
  port,
  socket,
  dnsPort,
}: {
  readonly port: number;
  readonly socket: string;
  readonly dnsPort: number;
}): string => `
global
  stats socket ${socket} mode 600 level admin
defaults
  mode http
  timeout connect 2s
  timeout client 10s
  timeout server 10s
resolvers synod
  nameserver bridge 127.0.0.1:${dnsPort}
  accepted_payload_size 8192
  resolve_retries 3
  timeout resolve 1s
  timeout retry 1s
  hold valid 1s
  hold obsolete 1s
  hold nx 1s
frontend web
  bind 127.0.0.1:${port}
  default_backend web
backend web
  balance roundrobin
  server-template web 5 ${server}
`;

/** One command of haproxy's runtime API. @throws {Error} when nobody listens. */
async function command(socket: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const client = connect(socket, () => client.end(`${text}\n`));
    client.on("data", (bytes: Buffer) => (said += bytes.toString()));
    client.on("end", () => resolve(said));
    // It is not up yet, which nobody counts as an answer.
    client.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "ENOENT" || error.code === "ECONNREFUSED" ? resolve("") : reject(error),
    );
  });
}

/** Those that are not in maintenance, with their weights, from its CSV. */
function serversOf(csv: string): readonly string[] {
  const [head = "", ...lines] = csv.split("\n");
  const names = head.replace(/^# /, "").split(",");
  const cell = (cells: readonly string[], name: string): string => cells[names.indexOf(name)] ?? "";
  const rows = lines.map((line) => line.split(",")).filter((cells) => cell(cells, "pxname") === "web");
  const servers = rows.filter(
    (cells) => /^web\d/.test(cell(cells, "svname")) && !cell(cells, "status").startsWith("MAINT"),
  );
  return textsOf(servers.map((cells) => `${cell(cells, "addr")} ${cell(cells, "weight")}`));
}
