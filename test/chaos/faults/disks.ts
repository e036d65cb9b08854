/**
 * A small file system for each region's objects, so that a disk can really be full: a tmpfs, shrunk to what it holds when
 * the fault begins, and widened when it ends. Every write that needs another page then fails with ENOSPC inside the real
 * process. Needs the right to mount; without it, `Disks.mount` says why not.
 */
import { spawnSync } from "node:child_process";
import { statfsSync } from "node:fs";
import { join } from "node:path";

/** Never reached: a tmpfs takes memory only for what it holds. */
const ampleSize = "2g";

/** A file may grow between looking and shrinking: then the kernel refuses, and one looks again. */
const attempts = 20;

export class Disks {
  readonly #mounted = new Map<string, string>();

  /** The reason if there can be none. */
  static mount(dataDir: string, regions: readonly string[]): Disks | string {
    const disks = new Disks();
    for (const region of regions) {
      const at = join(dataDir, region, "objects");
      const { status, stderr, error } = run("mount", "-t", "tmpfs", "-o", `size=${ampleSize}`, "synod-chaos", at);
      if (status !== 0) {
        disks.unmount();
        return (error?.message ?? stderr).trim();
      }
      disks.#mounted.set(region, at);
    }
    return disks;
  }

  fill(region: string): void {
    const at = this.#at(region);
    for (let attempt = 1; ; attempt += 1) {
      const { blocks, bfree, bsize } = statfsSync(at);
      const { status, stderr } = run("mount", "-o", `remount,size=${(blocks - bfree) * bsize}`, at);
      if (status === 0) return;
      if (attempt === attempts) throw new Error(`the disk of ${region} cannot be filled: ${stderr}`);
    }
  }

  free(region: string): void {
    const { status, stderr } = run("mount", "-o", `remount,size=${ampleSize}`, this.#at(region));
    if (status !== 0) throw new Error(`the disk of ${region} cannot be freed: ${stderr}`);
  }

  unmount(): void {
    for (const at of this.#mounted.values()) run("umount", at);
    this.#mounted.clear();
  }

  #at(region: string): string {
    const at = this.#mounted.get(region);
    if (at === undefined) throw new Error(`${region} has no disk of its own`);
    return at;
  }
}

const run = (program: "mount" | "umount", ...args: readonly string[]) =>
  spawnSync(program, [...args], { encoding: "utf8" });
