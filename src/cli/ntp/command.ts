/** `synod ntp`: real NTP over UDP, answered from a deployment's clocks. Sets no clock: that is chronyd's work. */
import type { Conclusion } from "../../time/estimator.ts";
import { CommandError, UsageError } from "../errors.ts";
import { readEndpoint, readFlags, readUrl, tokenOf } from "../flags.ts";
import { regionsOf } from "../regions.ts";
import { serveNtp } from "./server.ts";
import { Upstream } from "./upstream.ts";

const help = `Answers NTP clients with Synod's time.

  synod ntp --from URL [--listen ADDRESS:PORT] [--regions A,B,C]

  --from URL             the deployment whose clocks are asked, over HTTP
  --listen ADDRESS:PORT  where NTP is answered, over UDP (127.0.0.1:11123)
  --regions A,B,C        whose clocks: most of them must agree (all that /time/regions names)
  SYNOD_TOKEN            the bearer token, if the deployment asks for one

Until most of the regions agree, and again when they no longer do, the answers say "not synchronised" (leap 3). Whoever
asks too often is told so (RATE). This program never sets the machine's clock.
`;

export async function ntp(args: readonly string[]): Promise<number> {
  const { help: wanted, values } = readFlags(["listen", "from", "regions"], args);
  if (wanted) {
    process.stdout.write(help);
    return 0;
  }
  const listen = readEndpoint("--listen", values.listen ?? "127.0.0.1:11123");
  const from = readUrl("--from", values.from);
  const token = tokenOf(process.env);
  const named = values.regions?.split(",");
  if (named?.some((region) => !/^[a-z-]+$/.test(region)) === true) {
    throw new UsageError(`--regions must be names, separated by commas, not "${values.regions}"`);
  }
  const asked = untilAsked();
  const log = (line: string): void => void process.stderr.write(`synod: ${line}\n`);
  // Bound first: a port that is taken is said before anybody is asked.
  let upstream: Upstream | null = null;
  const server = await serveNtp(listen, () => upstream?.read() ?? null, log);
  try {
    const regions = named ?? (await untilKnown(from, token, log, asked));
    if (regions === "asked") return 0;
    const clock = new Upstream({ from, regions, token, ...narrator(log, () => clock.status()) });
    upstream = clock;
    upstream.start();
    const { address, port } = server.endpoint;
    log(`answering NTP on ${address}:${port}, with the time of ${regions.join(", ")} at ${from}`);
    await asked;
    return 0;
  } finally {
    upstream?.stop();
    await server.stop();
  }
}

/** A bridge may be started before its deployment can be reached: it waits, and says leap 3 meanwhile. */
async function untilKnown(
  from: string,
  token: string | undefined,
  log: (line: string) => void,
  asked: Promise<"asked">,
): Promise<readonly string[] | "asked"> {
  for (let said = ""; ;) {
    try {
      return await regionsOf(from, token);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      if (error.message !== said) log(`${error.message}; trying again`);
      said = error.message;
    }
    const pause = new Promise<"again">((resolve) => setTimeout(() => resolve("again"), 2_000).unref());
    if ((await Promise.race([asked, pause])) === "asked") return "asked";
  }
}

/** Says what changed, not every round. */
function narrator(log: (line: string) => void, status: () => ReturnType<Upstream["status"]>) {
  let last = "";
  const say = (key: string, line: string): void => {
    if (key !== last) log(line);
    last = key;
  };
  return {
    concluded(conclusion: Conclusion): void {
      if (conclusion.type === "refused") {
        say(conclusion.reason, `not steered: ${conclusion.reason}`);
        return;
      }
      const { estimate, earliest, latest } = status();
      // Whole milliseconds: on average half of one has passed.
      const away = (estimate ?? 0) - (Date.now() + 0.5);
      const liars = conclusion.falsetickers.length === 0 ? "" : `; falsetickers: ${conclusion.falsetickers.join(", ")}`;
      const figures = `this machine's clock is ${away.toFixed(1)} ms behind, give or take ${((latest - earliest) / 2).toFixed(1)} ms`;
      say(`synchronised${liars}`, `synchronised: ${figures}${liars}`);
    },
    failed: (what: string): void => say(what, what),
  };
}

async function untilAsked(): Promise<"asked"> {
  return new Promise((resolve) => {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => resolve("asked"));
  });
}
