/** What the disk itself can do: how often a second 512 bytes, appended to a file, are on it for good. */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Resources } from "./resources.ts";

const record = Buffer.alloc(512, 1);

export interface Synced {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export function syncs(resources: Resources, seconds: number): Synced {
  const file = openSync(join(resources.directory, "synced"), "a");
  const took: number[] = [];
  const begun = performance.now();
  try {
    for (let now = begun; now < begun + seconds * 1_000;) {
      writeSync(file, record);
      fdatasyncSync(file);
      const then = performance.now();
      took.push(then - now);
      now = then;
    }
  } finally {
    closeSync(file);
  }
  took.sort((left, right) => left - right);
  const at = (share: number): number => took[Math.floor(took.length * share)] ?? 0;
  return { perSecond: (took.length * 1_000) / (performance.now() - begun), p50Ms: at(0.5), p99Ms: at(0.99) };
}
