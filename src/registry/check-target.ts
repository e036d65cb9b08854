/**
 * Whom an active check may ask. A check is a request that somebody has made from inside our network, so what is not public
 * is refused: addresses in every disguise, names that only mean something here. Asked by the gateway before anything is
 * registered, and by the Checker before every run, for what is allowed may have changed. Pure; a name is judged by its
 * spelling: to what address it leads is found out, and limited, by whoever runs the runtime (docs/checks.md).
 */
import ipaddr from "ipaddr.js";
import { limits } from "../support/limits.ts";
import type { CheckDefinition } from "./model.ts";

export interface Allowed {
  /** Loopback and private networks may be asked: SYNOD_CHECK_PRIVATE. */
  readonly allowPrivate: boolean;
}

type Http = Extract<CheckDefinition, { readonly kind: "http" }>;
type Tcp = Extract<CheckDefinition, { readonly kind: "tcp" }>;

const methods: readonly string[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const methodsWithoutBody: readonly string[] = ["GET", "HEAD"];

/** They belong to the connection or to whoever carries the request: a check that set them could speak for others. */
const reservedHeaders: readonly string[] = [
  "connection",
  "content-length",
  "expect",
  "forwarded",
  "host",
  "http2-settings",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
  "x-real-ip",
];
const reservedPrefixes: readonly string[] = ["cf-", "proxy-", "sec-", "synod-", "x-forwarded-"];

/** Ends of names that lead to no public host (RFC 6761, RFC 6762 appendix G, RFC 8375, ICANN's `internal`). */
const localEnds: readonly string[] = [
  "arpa",
  "corp",
  "example",
  "home",
  "internal",
  "intranet",
  "invalid",
  "lan",
  "local",
  "localdomain",
  "localhost",
  "onion",
  "private",
  "test",
];

/** What may be asked for where private networks may: never what belongs to one link, as clouds' metadata does. */
const privateRanges: readonly string[] = ["loopback", "private", "carrierGradeNat", "uniqueLocal"];

const howToAllow =
  'a deployment allows it with SYNOD_CHECK_PRIVATE = "true", `npm start` or `npm run cluster` with --checks private';

/** @returns why this check must not be run, or null; always null for a check that asks nobody. */
export function checkTarget(definition: CheckDefinition, allowed: Allowed): string | null {
  switch (definition.kind) {
    case "http":
      return timing(definition) ?? httpTarget(definition, allowed);
    case "tcp":
      return timing(definition) ?? tcpTarget(definition, allowed);
    case "ttl":
    case "alias":
    case "plain":
      return null;
  }
}

function timing({ timeoutMs }: Http | Tcp): string | null {
  const most = limits.checkTimeoutMs;
  return timeoutMs > most ? `its timeout must be at most ${most / 1000} seconds` : null;
}

function httpTarget({ url, method, headers, body }: Http, allowed: Allowed): string | null {
  if (url.length > limits.checkUrlCharacters) return `its url has more than ${limits.checkUrlCharacters} characters`;
  const parsed = parse(url);
  // What a parser would strip or turn around means something else to the next one.
  if (parsed === null || !/^[\u0021-\u007e]+$/.test(url) || url.includes("\\")) return "its url is not a URL in ASCII";
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") return "its url must begin with http:// or https://";
  if (!/^https?:\/\/[^/]/i.test(url)) return "its url must have a host behind two slashes";
  if (parsed.username !== "" || parsed.password !== "" || authorityOf(url).includes("@")) {
    return "its url must not hold a user or a password";
  }
  if (url.includes("#")) return "its url must not have a fragment";
  if (parsed.port === "0") return "its url names the port 0";
  if (!methods.includes(method)) return `its method must be one of ${methods.join(", ")}`;
  if (body !== "" && methodsWithoutBody.includes(method)) return `a check by ${method} has no body`;
  return headersOf(headers) ?? hostOf(parsed.hostname, allowed);
}

const authorityOf = (url: string): string => url.split("://")[1]?.split(/[/?]/)[0] ?? "";

function headersOf(headers: Http["headers"]): string | null {
  let bytes = 0;
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(headers)) {
    const folded = name.toLowerCase();
    if (reservedHeaders.includes(folded) || reservedPrefixes.some((prefix) => folded.startsWith(prefix))) {
      return `it must not set the header ${name.slice(0, 80)}`;
    }
    if (seen.has(folded)) return `its header ${name.slice(0, 80)} stands twice`;
    seen.add(folded);
    bytes += name.length + value.length;
  }
  return bytes > limits.checkHeaderBytes ? `its headers have more than ${limits.checkHeaderBytes} bytes` : null;
}

/** Judged as a URL's host is: the one who connects reads `0x7f.1` just so. */
function tcpTarget({ host }: Tcp, allowed: Allowed): string | null {
  const parsed = /^[0-9A-Za-z.:_-]+$/.test(host) ? parse(`http://${host.includes(":") ? `[${host}]` : host}/`) : null;
  return parsed === null ? "its host is neither an IP address nor a host's name" : hostOf(parsed.hostname, allowed);
}

function parse(url: string): URL | null {
  try {
    return new URL(url);
  } catch {
    return null;
  }
}

/** @param hostname as a parsed URL has it: in small letters, an IPv4 address always as four decimal numbers. */
function hostOf(hostname: string, allowed: Allowed): string | null {
  const bare = hostname.replace(/^\[|\]$/g, "");
  return ipaddr.isValid(bare) ? addressOf(bare, allowed) : nameOf(bare, allowed);
}

function addressOf(text: string, { allowPrivate }: Allowed): string | null {
  const address = ipaddr.parse(text);
  const range = address.range();
  // Of IPv6 only this much has ever been given out: what will mean something one day is not public now.
  const isGiven = !("parts" in address) || ((address.parts[0] ?? 0) & 0xe000) === 0x2000;
  if (range === "unicast" && isGiven) return null;
  if (!privateRanges.includes(range)) return `its host ${text} is no address that may be asked (${range})`;
  return allowPrivate ? null : `its host ${text} is not public (${range}); ${howToAllow}`;
}

function nameOf(hostname: string, { allowPrivate }: Allowed): string | null {
  const name = hostname.replace(/\.$/, "");
  const labels = name.split(".");
  if (name.length > 253 || !labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))) {
    return "its host is neither an IP address nor a host's name";
  }
  // A name of one label is completed from a list of this network's own.
  const isLocal = labels.length === 1 || localEnds.includes(labels.at(-1) ?? "");
  return isLocal && !allowPrivate ? `its host ${name} is not public; ${howToAllow}` : null;
}
