/**
 * Puts mistakes into files as Node loads them: what the preloaded hooks of the twins share. Called by `hook.ts` here, and
 * by the one of the tests of time.
 */
import { registerHooks } from "node:module";
import { appliedAll } from "./twin.ts";
import type { Edit } from "./twin.ts";

/** Edits by the URL of the file that they are made in. */
export function byUrl(edits: readonly Edit[]): ReadonlyMap<string, readonly Edit[]> {
  const found = new Map<string, Edit[]>();
  for (const edit of edits) {
    const { href } = new URL(`../../${edit.file}`, import.meta.url);
    found.set(href, [...(found.get(href) ?? []), edit]);
  }
  return found;
}

/**
 * @param edits by the URL of the file that they change.
 * @returns the files that have not been loaded yet: what is never loaded is never broken.
 * Loading throws when a text to replace is not there exactly once.
 */
export function putIn(edits: ReadonlyMap<string, readonly Edit[]>): ReadonlySet<string> {
  const missing = new Set(edits.keys());
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const here = edits.get(url);
      if (here === undefined) return loaded;
      missing.delete(url);
      // The format stays what it was, so that Node strips the types of the changed text.
      return { ...loaded, source: appliedAll(here, textOf(loaded.source)) };
    },
  });
  return missing;
}

const textOf = (source: string | ArrayBuffer | NodeJS.TypedArray | undefined): string =>
  typeof source === "string" ? source : new TextDecoder().decode(source);

/** Ends the process with an error when the mistake was never put in. */
export function insistOn(missing: ReadonlySet<string>): void {
  process.on("exit", () => {
    if (missing.size === 0) return;
    process.stderr.write(`never loaded, so never broken: ${[...missing].join(", ")}\n`);
    process.exitCode = 3;
  });
}
