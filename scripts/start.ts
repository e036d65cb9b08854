/**
 * `npm start`: Synod on this machine, all regions in one process, on the platform's open runtime. Reads the flags, prints
 * what is up and what to try, and ends the runtime when asked to.
 */
import { explain, LauncherError } from "./runtime/errors.ts";
import { readChecks, readFlags, readHost, readPath, readPort, readRegions } from "./runtime/flags.ts";
import { defaultRegions } from "./runtime/regions.ts";
import { untilAsked } from "./runtime/signals.ts";
import { startSingle } from "./runtime/single.ts";

const help = `Synod on this machine, all regions in one process.

  npm start -- [flags]

  --port PORT      where the gateway listens; 0 lets the system choose (8787)
  --host ADDRESS   the IP address it listens on (127.0.0.1)
  --regions A,B,C  3 or 5 regions (${defaultRegions.join(",")}, or those of the existing data)
  --data DIR       where everything is kept (.synod)
  --checks WHERE   what health checks may ask: public addresses only, or private ones and this machine too (public)
  --help           this text

SYNOD_MASS_EXPIRY_PERCENT, _LEAST and _HOLD_TTLS in the environment mean what they mean in a deployment.
`;

async function main(): Promise<void> {
  const { help: wanted, values } = readFlags(["port", "host", "regions", "data", "checks"], process.argv.slice(2));
  if (wanted) {
    process.stdout.write(help);
    return;
  }
  const dataDir = readPath("--data", values.data) ?? ".synod";
  const host = readHost(values.host);
  const options = {
    dataDir,
    host,
    port: readPort("--port", values.port, 8787),
    regions: readRegions(values.regions),
    checkPrivate: readChecks(values.checks),
    environment: process.env,
  };

  const asked = untilAsked();
  const synod = await startSingle({ ...options, log: (line) => process.stderr.write(`${line}\n`) });
  if (!host.startsWith("127.") && host !== "::1") {
    process.stderr.write(`synod: whoever reaches ${host} can read and write: a local Synod asks for no token\n`);
  }
  process.stdout.write(greeting(synod.url, synod.regions, dataDir));
  const end = await Promise.race([asked, synod.ended]);
  await synod.stop();
  if (end !== "asked") throw new LauncherError(`the runtime ${end} unexpectedly`);
}

function greeting(url: string, regions: readonly string[], dataDir: string): string {
  return `Synod is up at ${url}
  regions  ${regions.join(", ")}
  data     ${dataDir}

Try
  curl -X PUT --data-binary hello ${url}/kv/greeting
  curl ${url}/kv/greeting
  curl -X PUT --data-binary blue ${url}/decisions/colour
  curl ${url}/status

Ctrl-C ends it.
`;
}

await main().catch(explain);
