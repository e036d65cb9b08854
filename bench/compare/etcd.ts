/**
 * Three members of the real etcd, from the Debian package, as it is by default: on disk, each entry synced before it is
 * acknowledged, its JSON gateway in each member. Started by `bench/main.ts`; ended with its resources.
 */
import { findPort } from "../../scripts/runtime/ports.ts";
import { eventually } from "../../test/processes/support/gateway.ts";
import type { Resources } from "./resources.ts";
import type { System } from "./system.ts";

const memberCount = 3;

export async function startEtcdMembers(resources: Resources): Promise<System> {
  const members: { readonly name: string; readonly url: string; readonly peers: string }[] = [];
  for (let count = 1; count <= memberCount; count += 1) {
    const [client, peer] = [await findPort(), await findPort()];
    members.push({ name: `member${count}`, url: `http://127.0.0.1:${client}`, peers: `http://127.0.0.1:${peer}` });
  }
  const roots = members.map(({ name, url, peers }) => {
    const flags = {
      name,
      "data-dir": resources.subdirectory(`etcd-${name}`),
      "listen-client-urls": url,
      "advertise-client-urls": url,
      "listen-peer-urls": peers,
      "initial-advertise-peer-urls": peers,
      "initial-cluster": members.map((one) => `${one.name}=${one.peers}`).join(","),
      "log-level": "error",
      logger: "zap",
    };
    const given = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    const { pid } = resources.spawn("etcd", given, "ignore", "SIGKILL");
    return { role: name, pid: pid ?? 0 };
  });
  for (const { name, url } of members) {
    await eventually(`etcd's ${name}`, async () => ((await fetch(`${url}/health`)).ok ? true : null));
  }
  return { name: "etcd", language: "etcd", gateways: members.map(({ url }) => url), roots };
}
