/** `synod dns`: DNS over UDP and TCP, answered from a deployment's registry, so that `dig` and resolvers can use it. */
import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { ednsUdpBytes, messageBytes } from "../../wire/dns-message.ts";
import { CommandError, UsageError } from "../errors.ts";
import { readEndpoint, readFlags, readUrl, tokenOf } from "../flags.ts";
import { Bridge } from "./bridge.ts";
import { bridgeLimits } from "./limits.ts";
import { serveDns } from "./server.ts";
import { upstreamOf } from "./upstream.ts";

const help = `Answers DNS clients from Synod's registry.

  synod dns --from URL[,URL...] [--listen ADDRESS:PORT] [--namespace NAME] [--token-file FILE]

  --from URL,URL         the deployment that is asked, over HTTP; each next one when those before do not answer
  --listen ADDRESS:PORT  where DNS is answered, over UDP and TCP (127.0.0.1:5300)
  --namespace NAME       whose registry (default)
  --token-file FILE      holds the bearer token, if the deployment asks for one; else it is taken from SYNOD_TOKEN

It knows the zones synod and consul, and refuses all others: configure your resolver to ask it for these alone. Answers are
kept as long as they say they hold. When no deployment answers, it says SERVFAIL.
`;

export async function dns(args: readonly string[]): Promise<number> {
  const { help: wanted, values } = readFlags(["listen", "from", "namespace", "token-file"], args);
  if (wanted) {
    process.stdout.write(help);
    return 0;
  }
  const listen = readEndpoint("--listen", values.listen ?? "127.0.0.1:5300");
  const from = upstreamsIn(values.from);
  const path = pathOf(values.namespace);
  const token = tokenIn(values["token-file"]) ?? tokenOf(process.env);
  const asked = untilAsked();
  const log = (line: string): void => void process.stderr.write(`synod: ${line}\n`);
  const urls = from.map((url) => `${url}${path}/dns-query`);
  const bridge = new Bridge({
    ask: upstreamOf({ urls, token, log }),
    now: () => performance.now(),
    datagramBytes: isLoopback(listen.address) ? messageBytes : ednsUdpBytes,
  });
  const server = await serveDns(listen, bridge, log);
  const { address, port } = server.endpoint;
  log(`answering DNS on ${address}:${port}, over UDP and TCP, from ${urls.join(", ")}`);
  await asked;
  await server.stop();
  return 0;
}

function upstreamsIn(text: string | undefined): readonly string[] {
  const urls = (text?.split(",") ?? [undefined]).map((one) => readUrl("--from", one));
  if (urls.length <= bridgeLimits.upstreams) return urls;
  throw new UsageError(`--from may name ${bridgeLimits.upstreams} deployments at most`);
}

function pathOf(namespace: string | undefined): string {
  if (namespace === undefined) return "";
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace)) return `/ns/${namespace}`;
  throw new UsageError(`--namespace must have 1 to 63 of a-z, 0-9 and inner hyphens, not "${namespace}"`);
}

function tokenIn(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  let token: string;
  try {
    token = readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}`);
  }
  // It travels in a header.
  if (/^[!-~]+$/.test(token)) return token;
  throw new CommandError(`${file} must hold the token and nothing else`);
}

/** Nothing is fragmented on its way there. */
const isLoopback = (address: string): boolean => (isIPv4(address) ? address.startsWith("127.") : address === "::1");

async function untilAsked(): Promise<"asked"> {
  return new Promise((resolve) => {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => resolve("asked"));
  });
}
