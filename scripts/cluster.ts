/**
 * `npm run cluster`: one process for each region, joined by links that can be delayed and cut. On standard output only
 * JSON, one object a line, for programs to read; whatever people should know goes to standard error.
 */
import { readFileSync } from "node:fs";
import { parseRoundTrips } from "./links/round-trips.ts";
import { startCluster } from "./runtime/cluster.ts";
import { explain, UsageError } from "./runtime/errors.ts";
import { readChecks, readFlags, readPath, readPort, readRegions } from "./runtime/flags.ts";
import { defaultRegions } from "./runtime/regions.ts";
import { untilAsked } from "./runtime/signals.ts";

const help = `Synod on this machine, one process for each region.

  npm run cluster -- [flags]

  --regions A,B,C      3 or 5 regions (${defaultRegions.join(",")}, or those of the existing data)
  --base-port PORT     the first region's gateway; the others follow; 0 finds free ones (8800)
  --data DIR           where everything is kept (a temporary directory, removed at the end)
  --rtt FILE           round trips in milliseconds between regions: {"wnam-enam": 60}
  --checks WHERE       what health checks may ask: public addresses only, or private ones and this machine too (public)
  --control-port PORT  where links and regions can be controlled over HTTP (nowhere)
  --help               this text

SYNOD_MASS_EXPIRY_PERCENT, _LEAST and _HOLD_TTLS in the environment mean what they mean in a deployment.
Each region prints {"region","url","pid"}; {"ready":true} follows when all answer.
`;

async function main(): Promise<void> {
  const flags = ["regions", "base-port", "data", "rtt", "checks", "control-port"] as const;
  const { help: wanted, values } = readFlags(flags, process.argv.slice(2));
  if (wanted) {
    process.stdout.write(help);
    return;
  }
  const control = values["control-port"];
  const asked = untilAsked();
  const cluster = await startCluster({
    regions: readRegions(values.regions),
    basePort: readPort("--base-port", values["base-port"], 8800),
    dataDir: readPath("--data", values.data),
    rtt: readRoundTrips(values.rtt),
    checkPrivate: readChecks(values.checks),
    environment: process.env,
    controlPort: control === undefined ? undefined : readPort("--control-port", control, 0),
    log: (line) => process.stderr.write(`${line}\n`),
  });
  for (const { region, url, pid } of cluster.regions) print({ region, url, pid });
  print({ ready: true });
  if (cluster.controlUrl !== undefined) process.stderr.write(`synod: control at ${cluster.controlUrl}\n`);
  await asked;
  await cluster.stop();
}

function readRoundTrips(file: string | undefined): Readonly<Record<string, unknown>> {
  if (file === undefined) return {};
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`--rtt cannot be read: ${(error as Error).message}`);
  }
  return parseRoundTrips(text, file);
}

const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

await main().catch(explain);
