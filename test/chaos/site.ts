/**
 * The cluster of a chaos run: real region processes on disks of their own where mounting is allowed, and an ear on what
 * they print.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCluster, type Cluster } from "../../scripts/runtime/cluster.ts";
import { Disks } from "./faults/disks.ts";

export interface Site {
  readonly cluster: Cluster;
  /** The reason if there are none. */
  readonly disks: Disks | string;
  readonly heard: Heard;
  readonly close: () => Promise<void>;
}

/** What the regions printed, as far as it matters. */
export interface Heard {
  /** Lines that say that a write failed because the disk was full. */
  diskFull: number;
  /** Stops that no full disk explains: an invariant broke. */
  readonly stops: string[];
}

export async function openSite(): Promise<Site> {
  const dataDir = mkdtempSync(join(tmpdir(), "synod-chaos-"));
  const heard: Heard = { diskFull: 0, stops: [] };
  const listen = (line: string): void => {
    if (line.includes("SQLITE_FULL")) heard.diskFull += 1;
    else if (/replica stops|unexpected error in the gateway/.test(line)) heard.stops.push(line.slice(0, 500));
  };
  let disks: Disks | string = "not tried";
  const clear = (): void => {
    if (disks instanceof Disks) disks.unmount();
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    // The first start lays out the directories that are then mounted upon.
    const first = await startCluster({ dataDir });
    const regions = first.regions.map(({ region }) => region);
    await first.stop();
    disks = Disks.mount(dataDir, regions);
    const cluster = await startCluster({ dataDir, log: listen });
    const close = async (): Promise<void> => {
      await cluster.stop();
      clear();
    };
    return { cluster, disks, heard, close };
  } catch (error) {
    clear();
    throw error;
  }
}
