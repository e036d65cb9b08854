/** Reads a command line: strict about names, and one clear sentence for a wrong one. Nothing has happened before. */
import { isIP } from "node:net";
import { parseArgs } from "node:util";
import { UsageError } from "./errors.ts";

export interface Flags<Name extends string> {
  readonly help: boolean;
  readonly values: Readonly<Partial<Record<Name, string>>>;
  readonly words: readonly string[];
}

/** @param names the flags, each of which takes a value. @param words how many arguments may stand without a flag. */
export function readFlags<Name extends string>(
  names: readonly Name[],
  args: readonly string[],
  words = 0,
): Flags<Name> {
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...options, help: { type: "boolean", short: "h" } },
      allowPositionals: true,
    });
    const [extra] = positionals.slice(words);
    if (extra !== undefined) throw new UsageError(`"${extra}" is one argument too many (see --help)`);
    const { help, ...rest } = values;
    return { help: help === true, values: rest as Partial<Record<Name, string>>, words: positionals };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // The first sentence names the flag; the rest is advice about unusual command lines.
    const [sentence = error.message] = error.message.split(/\.\s/);
    throw new UsageError(`${sentence} (see --help)`);
  }
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** `127.0.0.1:11123` or `[::1]:11123`. */
export function readEndpoint(flag: string, text: string): Endpoint {
  const found = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const address = (found?.[1] ?? found?.[2] ?? "").replace(/^localhost$/, "127.0.0.1");
  const port = Number(found?.[3]);
  if (isIP(address) === 0 || !(port <= 65_535)) {
    throw new UsageError(`${flag} must be an IP address and a port, as 127.0.0.1:11123 or [::1]:11123, not "${text}"`);
  }
  return { address, port };
}

/** A deployment's address. Time is the same in all its namespaces, so no path belongs to it. */
export function readUrl(flag: string, text: string | undefined): string {
  if (text === undefined) throw new UsageError(`${flag} is needed: the URL of a Synod, as http://127.0.0.1:8787`);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (
    url === null ||
    !["http:", "https:"].includes(url.protocol) ||
    url.pathname !== "/" ||
    url.search !== "" ||
    url.hash !== ""
  ) {
    throw new UsageError(`${flag} must be an http or https URL without a path, not "${text}"`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new UsageError(`${flag} must hold no password: put the token into SYNOD_TOKEN`);
  }
  return url.origin;
}

/** The bearer token, from the environment: command lines are for everybody to read. */
export const tokenOf = (environment: Readonly<Record<string, string | undefined>>): string | undefined =>
  environment["SYNOD_TOKEN"] === "" ? undefined : environment["SYNOD_TOKEN"];
