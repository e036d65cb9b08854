/**
 * The path as it was sent. Worked on as text, never through `URL`, which would swallow `.` and `..` segments and turn
 * `\` into `/`: bytes of keys. (What a client's own library or the platform's URL normalisation swallows before the
 * Worker runs cannot be seen here; such clients percent-encode whole keys.) Pure.
 */
import { bytesOf } from "../../src/support/bytes.ts";
import { Problem } from "./problems.ts";

const defaultNamespace = "default";
const namespacePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export const isNamespace = (text: string): boolean => namespacePattern.test(text);

interface Parts {
  /** As sent, and empty where `/ns/…` does not stand before it. */
  readonly namespace: string | null;
  /** What follows `/ns/{namespace}`: begins with a slash. */
  readonly door: string;
  /** What follows the question mark. */
  readonly query: string;
}

/** Asked for several times of each request: the last one is remembered. */
let last: { readonly url: string; readonly parts: Parts } = {
  url: "",
  parts: { namespace: null, door: "/", query: "" },
};

export function partsOf(url: string): Parts {
  if (url !== last.url) last = { url, parts: split(url) };
  return last.parts;
}

function split(url: string): Parts {
  const [, path = "", query = ""] = /^[a-z]+:\/\/[^/?#]*([^?#]*)(?:\?([^#]*))?/i.exec(url) ?? [];
  const named = /^\/ns\/([^/]*)(.*)$/s.exec(path);
  const door = named === null ? path : (named[2] ?? "");
  return { namespace: named?.[1] ?? null, door: door === "" ? "/" : door, query };
}

/** @throws {Problem} when the path names a namespace that cannot be one. */
export function namespaceOf(url: string): string {
  const { namespace } = partsOf(url);
  if (namespace === null) return defaultNamespace;
  if (isNamespace(namespace)) return namespace;
  throw new Problem("invalid-namespace", `a namespace has 1 to 63 of a-z, 0-9 and inner hyphens`);
}

/** Stands for itself, in paths and in queries. */
const plain = /^[\u0021-\u0024\u0026-\u002a\u002c-\u007e]*$/;

/**
 * The bytes a percent-encoded text stands for.
 * @param plus what a `+` stands for: a space in queries, itself in paths.
 * @returns null when an escape is broken, or a character stands there that must be escaped.
 */
export function percentDecoded(text: string, plus: "+" | " " = "+"): Uint8Array<ArrayBuffer> | null {
  if (plain.test(text)) return bytesOf(text);
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x25) {
      const digits = text.slice(at + 1, at + 3);
      if (!/^[0-9a-f]{2}$/i.test(digits)) return null;
      bytes.push(Number.parseInt(digits, 16));
      at += 2;
    } else if (code <= 0x20 || code >= 0x7f) {
      // What such characters were before the runtime read them as text is not known for certain.
      return null;
    } else {
      bytes.push(code === 0x2b ? plus.charCodeAt(0) : code);
    }
  }
  return Uint8Array.from(bytes);
}

/**
 * The rest of a path as bytes. Slashes belong to it, encoded or not.
 * @throws {Problem} when it is malformed, or holds a segment that some clients and proxies would have swallowed.
 */
export function pathBytes(rest: string): Uint8Array<ArrayBuffer> {
  const bytes = percentDecoded(rest);
  if (bytes === null) throw new Problem("invalid-path", "the path has a broken percent-escape, or needs one");
  const dots = rest.split("/").some((segment) => /^(\.|%2e){1,2}$/i.test(segment));
  if (dots) throw new Problem("invalid-path", `"." and ".." cannot stand as a segment of a path: URLs swallow them`);
  return bytes;
}
