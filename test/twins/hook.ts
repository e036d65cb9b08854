/**
 * Preloaded (`node --import ./test/twins/hook.ts`): puts a twin's mistake into its file as Node loads it. Ends the process
 * with an error when the text to replace is not there exactly once, or when the file was never loaded.
 */
import { registerHooks } from "node:module";
import { editsByUrl } from "./chosen.ts";
import { appliedAll } from "./twin.ts";

const edits = editsByUrl();
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

const textOf = (source: string | ArrayBuffer | NodeJS.TypedArray | undefined): string =>
  typeof source === "string" ? source : new TextDecoder().decode(source);

process.on("exit", () => {
  if (missing.size === 0) return;
  process.stderr.write(`never loaded, so never broken: ${[...missing].join(", ")}\n`);
  process.exitCode = 3;
});
