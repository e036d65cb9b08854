/**
 * JSON as a client must send it: no deeper than anything here is, and no member twice. `JSON.parse` takes the last of two
 * members and drops the other, which may be the one that was meant. Pure.
 */
import { limits } from "../../src/support/limits.ts";
import { parseJson } from "../../src/store/json-shape.ts";

export type StrictJson =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string };

const refused = (reason: string): StrictJson => ({ ok: false, reason });

/** In text that is known to be JSON, all that matters here: texts, brackets, and the colon that makes a text a name. */
const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g;

/** As deep as a batch of plain operations. */
const plainDepth = 5;

function isFlat(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth === 0) return false;
  for (const member of Object.values(value)) if (!isFlat(member, depth - 1)) return false;
  return true;
}

export function strictJson(text: string): StrictJson {
  const value = parseJson(text);
  if (value === undefined) return refused("the body is not JSON in UTF-8");
  // What a program wrote is mostly what another would write: then nothing was dropped.
  if (isFlat(value, plainDepth) && JSON.stringify(value) === text) return { ok: true, value };
  /** The names of each open object; null for a list. */
  const open: (Set<unknown> | null)[] = [];
  let last = "";
  for (const [token] of text.matchAll(tokens)) {
    if (token === "{" || token === "[") {
      if (open.length === limits.jsonDepth) return refused(`the body nests deeper than ${limits.jsonDepth}`);
      open.push(token === "{" ? new Set() : null);
    } else if (token === "}" || token === "]") open.pop();
    else if (token === ":") {
      const names = open.at(-1);
      // Two spellings of one name are the same name.
      const name = last.includes("\\") ? parseJson(last) : last.slice(1, -1);
      if (names?.has(name) === true) return refused(`the member ${JSON.stringify(name).slice(0, 80)} stands twice`);
      names?.add(name);
    }
    last = token;
  }
  return { ok: true, value };
}
