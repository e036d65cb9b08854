/** Preloaded (`node --import ./test/time/twin-hook.ts`): puts the mistake of the twin named in the environment into its file. */
import { registerHooks } from "node:module";
import { appliedAll } from "../twins/twin.ts";
import type { Edit } from "../twins/twin.ts";
import { twins } from "./twins.ts";

const twin = twins.find(({ name }) => name === process.env["SYNOD_TIME_TWIN"]);
if (twin === undefined) throw new Error("no twin has this name");

const editsByUrl = new Map<string, Edit[]>();
for (const edit of [twin, ...(twin.also ?? [])]) {
  const { href } = new URL(`../../${edit.file}`, import.meta.url);
  editsByUrl.set(href, [...(editsByUrl.get(href) ?? []), edit]);
}

const textOf = (source: string | ArrayBuffer | NodeJS.TypedArray | undefined): string =>
  typeof source === "string" ? source : new TextDecoder().decode(source);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const edits = editsByUrl.get(url);
    return edits === undefined ? loaded : { ...loaded, source: appliedAll(edits, textOf(loaded.source)) };
  },
});
