#!/usr/bin/env node
/** `synod`: the command line. Each command reads its own flags; this only finds it, and explains what went wrong. */
import { dns } from "./dns/command.ts";
import { CommandError, UsageError } from "./errors.ts";
import { ntp } from "./ntp/command.ts";
import { receipts } from "./receipts.ts";

const help = `synod: coordination and time from Durable Objects.

  synod ntp --listen 127.0.0.1:11123 --from URL   answer NTP clients (chronyd, ntpdig) with Synod's time
  synod dns --listen 127.0.0.1:5300 --from URL    answer DNS clients (dig, resolvers) from Synod's registry
  synod receipts collect --from URL               collect signed, chained receipts of the regions' clocks
  synod receipts verify FILE                      judge such a chain

synod <command> --help says more. SYNOD_TOKEN is the bearer token, where one is needed.
`;

const commands: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = { ntp, dns, receipts };

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(help);
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw new UsageError(`"${name}" is no command (see --help)`);
  return command(args);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CommandError)) throw error;
  process.stderr.write(`synod: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
