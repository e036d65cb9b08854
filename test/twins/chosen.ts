/** The twin that this process is to run with: named by an environment variable, looked up in the catalogue. */
import { catalogue, harmless } from "./catalogue/all.ts";
import { byUrl } from "./put-in.ts";
import { editsOf } from "./twin.ts";
import type { Edit, Twin } from "./twin.ts";

export const environmentName = "SYNOD_TWIN";

/** @throws {Error} when no twin has this name. */
function twinNamed(name: string): Twin {
  const twin = [...catalogue, harmless].find((one) => one.name === name);
  if (twin === undefined) throw new Error(`no twin is called ${JSON.stringify(name)}`);
  return twin;
}

/** The edits of this process's twin, by the URL of the file they are made in. */
export const editsByUrl = (): ReadonlyMap<string, readonly Edit[]> =>
  byUrl(editsOf(twinNamed(process.env[environmentName] ?? "")));
