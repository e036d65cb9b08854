/**
 * A real Prometheus, as Debian builds it, told its targets by Synod: over HTTP (`/v1/sd/prometheus`), and by SRV and A records
 * through the bridge. It asks the servers in /etc/resolv.conf at port 53 and nobody else, so all of it runs in a namespace.
 * Debian's build has no `consul_sd_configs`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { endLaunched } from "../../processes/launched.ts";
import { freePort } from "../etcd/servers.ts";
import { inNamespace } from "./namespace.ts";
import { run } from "./programs.ts";
import { Stage, deregister, maintain, register } from "./stage.ts";
import type { Backend } from "./stage.ts";
import { at, listOf, Tally, textsOf } from "./tally.ts";
import type { Told } from "./tally.ts";
import type { Setting } from "./stage.ts";
import { twinNamed } from "./twins.ts";
import type { Twin } from "./twins.ts";

const marker = "--inside";
/** What the A records leave open. */
const metricsPort = 9100;

export async function prometheus(tally: Tally, { long, twin }: Setting): Promise<void> {
  const args = [marker, ...(long ? ["--long"] : []), ...(twin === undefined ? [] : [twin.name])];
  const said = await inNamespace(import.meta.filename, args, 300_000);
  tally.add(JSON.parse(said) as Told);
}

async function inside(long: boolean, twin: Twin | undefined): Promise<Told> {
  const tally = new Tally("prometheus", twin !== undefined);
  const stage = new Stage();
  const stopped = async (): Promise<void> => {
    await stage.end();
    endLaunched();
    process.exit(130);
  };
  for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => void stopped());
  try {
    await stage.begin(53, twin);
    await judged(tally, stage, long);
  } catch (error) {
    tally.failed(error);
  } finally {
    await stage.end();
    endLaunched();
  }
  return tally;
}

async function judged(tally: Tally, stage: Stage, long: boolean): Promise<void> {
  const { url } = stage;
  const names = ["prom-a", "prom-b", "prom-c", "prom-d"];
  const backends = await Promise.all(
    names.map(async (name, i) => stage.backend(name, `127.0.0.${11 + i}`, metricsPort)),
  );
  // The kernel may have no IPv6 at all.
  const six = await stage.backend("prom-six", "::1", metricsPort).catch(() => null);
  const sixes = six === null ? [] : [six];
  if (six === null) tally.notes.push("no IPv6 here: only IPv4 was tried");
  const [a, b, c, d] = backends as unknown as [Backend, Backend, Backend, Backend];
  const enrol = async ({ name, address, port }: Backend, tags: readonly string[] = ["metrics"]): Promise<void> =>
    register(url, "prom", name, { address, port, tags, meta: { zone: name } });
  await enrol(a);
  await enrol(b);
  await enrol(c, []);
  for (const one of sixes) await enrol(one);

  const port = await freePort();
  const data = join(stage.directory, "prometheus");
  mkdirSync(data);
  const config = join(stage.directory, "prometheus.yml");
  writeFileSync(config, configuration(url));
  await noConsul(tally, stage.directory);
  stage.runs("prometheus", [
    `--config.file=${config}`,
    `--storage.tsdb.path=${data}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=warn",
  ]);

  const api = async (path: string): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`).catch(() => null);
    return answer === null ? null : answer.json();
  };
  const targets = async (): Promise<Targets> => tally.does(async () => targetsOf(await api("targets?state=active")));
  const by = (...of: readonly Backend[]): Targets => {
    const told = (some: readonly Backend[], host: (one: Backend) => string): readonly string[] =>
      some.map((one) => `up ${host(one)}:${metricsPort}`).toSorted();
    const direct = (one: Backend): string => (one === six ? "[::1]" : one.address);
    const all = [...of, ...sixes];
    return {
      http: told(all, direct),
      tagged: told(
        all.filter((one) => one !== c),
        direct,
      ),
      "dns-srv": told(all, (one) => `${inHex(one.address)}.addr.synod`),
      "dns-a": told(of, direct),
      "dns-aaaa": told(sixes, direct),
    };
  };
  await tally.comes("targets", targets, by(a, b, c), 250);
  const labels = async (): Promise<unknown> => {
    const found = listOf(at(await api("targets?state=active"), "data", "activeTargets"));
    return found.map((one) => at(one, "discoveredLabels")).find((one) => at(one, "__meta_synod_instance") === a.name);
  };
  tally.like("labels over HTTP", await tally.does(labels), {
    __address__: `${a.address}:${metricsPort}`,
    __meta_synod_service: "prom",
    __meta_synod_node: "synod",
    __meta_synod_status: "passing",
    __meta_synod_tags: ",metrics,",
    __meta_synod_tag_present_metrics: "true",
    __meta_synod_meta_zone: a.name,
  });
  const relabelled = await tally.does(async () =>
    api(`query?query=${encodeURIComponent("count by (zone) (up{job='http'})")}`),
  );
  const zones = textsOf(listOf(at(relabelled, "data", "result")).map((one) => at(one, "metric", "zone")));
  tally.like("relabelled and asked for", zones, ["prom-a", "prom-b", "prom-c", ...sixes.map(({ name }) => name)]);

  // One leaves, one is ill, one comes: all at once.
  await deregister(url, "prom", a.name);
  await maintain(url, b.name, true);
  await enrol(d);
  await tally.comes("targets after a change", targets, by(c, d), 250);
  if (!long) return;

  await maintain(url, b.name, false);
  await tally.comes("targets once one is well again", targets, by(b, c, d), 250);
  const scraped = async (): Promise<number> => {
    const query = encodeURIComponent("sum by (job) (up)");
    return listOf(at(await tally.does(async () => api(`query?query=${query}`)), "data", "result")).length;
  };
  tally.like("all jobs have series", await scraped(), six === null ? 4 : 5);
  for (const { name } of [b, c, d, ...sixes]) await deregister(url, "prom", name);
  await tally.comes(
    "no targets when nobody is registered",
    targets,
    { http: [], tagged: [], "dns-a": [], "dns-srv": [] },
    250,
  );
  for (const one of [a, ...sixes]) await enrol(one);
  await tally.comes("the first ones that come", targets, by(a), 250);
}

/** As SRV's targets name it. */
const inHex = (address: string): string =>
  address === "::1"
    ? "1".padStart(32, "0")
    : address
        .split(".")
        .map((part) => Number(part).toString(16).padStart(2, "0"))
        .join("");

type Targets = Readonly<Record<string, readonly string[]>>;

function targetsOf(answer: unknown): Targets {
  const found: Record<string, string[]> = { http: [], tagged: [], "dns-a": [], "dns-aaaa": [], "dns-srv": [] };
  for (const one of listOf(at(answer, "data", "activeTargets"))) {
    const where = new URL(String(at(one, "scrapeUrl"))).host;
    found[String(at(one, "scrapePool"))]?.push(`${String(at(one, "health"))} ${where}`);
  }
  for (const all of Object.values(found)) all.sort();
  return found;
}

const configuration = (url: string): string => `
global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: http
    http_sd_configs: [{ url: "${url}/v1/sd/prometheus?service=prom", refresh_interval: 1s }]
    relabel_configs: [{ source_labels: [__meta_synod_meta_zone], target_label: zone }]
  - job_name: tagged
    http_sd_configs: [{ url: "${url}/v1/sd/prometheus?tag=metrics", refresh_interval: 1s }]
  - job_name: dns-srv
    dns_sd_configs: [{ names: [_prom._tcp.service.synod], type: SRV, refresh_interval: 1s }]
  - job_name: dns-a
    dns_sd_configs: [{ names: [prom.service.synod], type: A, port: ${metricsPort}, refresh_interval: 1s }]
  - job_name: dns-aaaa
    dns_sd_configs: [{ names: [prom.service.synod], type: AAAA, port: ${metricsPort}, refresh_interval: 1s }]
`;

/** Whether this build could be told by Consul's own interface; if so, that is not tried. */
async function noConsul(tally: Tally, directory: string): Promise<void> {
  const file = join(directory, "consul.yml");
  writeFileSync(file, "scrape_configs: [{ job_name: c, consul_sd_configs: [{ server: '127.0.0.1:1' }] }]\n");
  const { code, stdout, stderr } = await run("promtool", ["check", "config", file]);
  const lacks = code !== 0 && /consul_sd_configs not found/.test(stdout + stderr);
  tally.notes.push(
    lacks
      ? "this build has no consul_sd_configs: by http_sd and dns_sd"
      : "consul_sd_configs, which this build has, was not tried",
  );
}

if (process.argv.includes(marker)) {
  process.stdout.write(
    `${JSON.stringify(await inside(process.argv.includes("--long"), twinNamed(process.argv.at(-1))))}\n`,
  );
}
