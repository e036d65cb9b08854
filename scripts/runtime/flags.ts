/**
 * Reads a launcher's command line: strict about names, and one clear sentence for a wrong one. Called first, before
 * anything is created.
 */
import { isIP } from "node:net";
import { parseArgs } from "node:util";
import { UsageError } from "./errors.ts";
import { checkRegions } from "./regions.ts";

/** The values of the flags in `names`, each of which takes one; `--help` alone takes none. */
export function readFlags<Name extends string>(
  names: readonly Name[],
  args: readonly string[],
): { readonly help: boolean; readonly values: Readonly<Partial<Record<Name, string>>> } {
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  try {
    const { values } = parseArgs({ args: [...args], options: { ...options, help: { type: "boolean" } } });
    const { help, ...rest } = values;
    return { help: help === true, values: rest as Partial<Record<Name, string>> };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // The first sentence names the flag; the rest is advice about unusual command lines.
    const [sentence = error.message] = error.message.split(/\.\s/);
    throw new UsageError(`${sentence} (see --help)`);
  }
}

export function readPort(flag: string, text: string | undefined, absent: number): number {
  if (text === undefined) return absent;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new UsageError(`${flag} must be a port from 0 to 65535, not "${text}"`);
  return port;
}

/** @returns whether health checks may ask private networks. */
export function readChecks(text: string | undefined): boolean {
  if (text === undefined || text === "public" || text === "private") return text === "private";
  throw new UsageError(`--checks must be public or private, not "${text}"`);
}

export function readRegions(text: string | undefined): readonly string[] | undefined {
  return text === undefined ? undefined : checkRegions(text.split(","));
}

export function readHost(text: string | undefined): string {
  if (text === undefined || text === "localhost") return "127.0.0.1";
  if (isIP(text) === 0) throw new UsageError(`--host must be an IP address, not "${text}"`);
  return text;
}

export function readPath(flag: string, text: string | undefined): string | undefined {
  if (text === "") throw new UsageError(`${flag} must not be empty`);
  return text;
}
