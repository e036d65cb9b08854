/**
 * A directory that belongs to one local Synod: what `synod.json` in it says, and who may start it. Nothing is written
 * before every check has passed, so a refused start leaves the data as it was.
 *
 * Changing the regions of existing data is refused: the acceptors of a namespace are a fixed set, and a region that
 * joined empty would vote without remembering what it promised.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LauncherError } from "./errors.ts";
import { Keeper } from "./keeping.ts";
import { checkRegions, defaultRegions } from "./regions.ts";

/** Version of the directory's layout and of the objects' storage. */
const formatVersion = 1;

const descriptionFile = "synod.json";
const lockFile = "lock";

/** One process with all regions, or one process for each region: they keep their objects in different places. */
type Shape = "single" | "cluster";

interface Description {
  readonly format: typeof formatVersion;
  readonly shape: Shape;
  readonly cluster: string;
  readonly regions: readonly string[];
}

export interface DataDirectory {
  readonly path: string;
  readonly cluster: string;
  readonly regions: readonly string[];
  readonly keeper: Keeper;
}

/**
 * The regions a start would have: those asked for, else those the directory remembers, else the default. Refuses what
 * the directory would refuse; changes nothing.
 */
export function settleRegions(path: string, shape: Shape, regions: readonly string[] | undefined): readonly string[] {
  const found = read(path);
  if (found === undefined) return regions ?? defaultRegions;
  check(path, found, shape, regions);
  return found.regions;
}

/** Locks the directory, and creates or checks its description. */
export async function openDataDirectory(
  path: string,
  shape: Shape,
  regions: readonly string[] | undefined,
): Promise<DataDirectory> {
  settleRegions(path, shape, regions);
  mkdirSync(path, { recursive: true });
  const keeper = await Keeper.lock(join(path, lockFile), path);
  try {
    const found = read(path);
    if (found !== undefined) check(path, found, shape, regions);
    const description = found ?? create(path, shape, regions ?? defaultRegions);
    return { path, cluster: description.cluster, regions: description.regions, keeper };
  } catch (error) {
    await keeper.release();
    throw error;
  }
}

function create(path: string, shape: Shape, regions: readonly string[]): Description {
  const cluster = randomBytes(16).toString("hex");
  const description: Description = { format: formatVersion, shape, cluster, regions };
  // Whole or not at all: renaming is atomic.
  const draft = join(path, `${descriptionFile}.new`);
  writeFileSync(draft, `${JSON.stringify(description, undefined, 2)}\n`);
  renameSync(draft, join(path, descriptionFile));
  return description;
}

function read(path: string): Description | undefined {
  let text: string;
  try {
    text = readFileSync(join(path, descriptionFile), "utf8");
  } catch (error) {
    const { code } = error as { readonly code?: string };
    if (code === "ENOTDIR") throw new LauncherError(`${path} is not a directory`);
    if (code !== "ENOENT") throw error;
    refuseStrangers(path);
    return undefined;
  }
  return parse(path, text);
}

/** A directory without a description must be empty: it is somebody else's otherwise. */
function refuseStrangers(path: string): void {
  const ours = new Set([lockFile, `${lockFile}-journal`, `${descriptionFile}.new`]);
  let names: readonly string[];
  try {
    names = readdirSync(path);
  } catch (error) {
    if ((error as { readonly code?: string }).code === "ENOENT") return;
    throw new LauncherError(`${path} cannot be read: ${(error as Error).message}`);
  }
  if (names.some((name) => !ours.has(name))) {
    throw new LauncherError(`${path} is not empty and holds no Synod data (no ${descriptionFile})`);
  }
}

function parse(path: string, text: string): Description {
  const file = join(path, descriptionFile);
  try {
    const { format, shape, cluster, regions } = JSON.parse(text) as Record<string, unknown>;
    if (typeof format === "number" && format !== formatVersion) {
      throw new LauncherError(`${file} has format ${format}; this Synod reads format ${formatVersion}`);
    }
    if (
      format === formatVersion &&
      (shape === "single" || shape === "cluster") &&
      typeof cluster === "string" &&
      /^[0-9a-f]{32}$/.test(cluster) &&
      Array.isArray(regions) &&
      regions.every((region) => typeof region === "string")
    ) {
      return { format, shape, cluster, regions: checkRegions(regions) };
    }
  } catch (error) {
    if (error instanceof LauncherError && error.exitCode === 1) throw error;
  }
  throw new LauncherError(`${file} is damaged; the data was left as it is`);
}

function check(path: string, found: Description, shape: Shape, regions: readonly string[] | undefined): void {
  if (found.shape !== shape) {
    const made = found.shape === "single" ? "npm start" : "npm run cluster";
    throw new LauncherError(`${path} was made by \`${made}\` and can only be started by it`);
  }
  const same =
    regions === undefined ||
    (regions.length === found.regions.length && regions.every((region) => found.regions.includes(region)));
  if (!same) {
    throw new LauncherError(
      `${path} holds a cluster of the regions ${found.regions.join(",")}; it cannot be started with ${regions.join(",")}`,
    );
  }
}
