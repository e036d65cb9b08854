/**
 * Somebody who is measured: where it answers, in whose language, and which processes are all of it. Made by `synod.ts`,
 * `etcd.ts` and `ceilings.ts`.
 */
import { treesOf } from "./usage.ts";

/** What clients must speak. The ceilings take Synod's requests. */
export type Language = "synod" | "etcd";

export interface Used {
  /** Of all processes together. */
  readonly cpuMs: number;
  /** The part of it that the cluster's links take, which stand for the network. */
  readonly linksMs: number;
  /** Of each process by its role. */
  readonly byRole: Readonly<Record<string, number>>;
  readonly residentMiB: number;
}

export interface System {
  readonly name: string;
  readonly language: Language;
  /** Clients are spread over these. */
  readonly gateways: readonly string[];
  /** The processes by what they are; `links` is the one that stands for the network. What they start belongs to them. */
  readonly roots: readonly { readonly role: string; readonly pid: number }[];
}

export function used({ roots }: System): Used {
  const roles = new Map(roots.map(({ pid, role }) => [pid, role]));
  const trees = treesOf([...roles.keys()]);
  const byRole: Record<string, number> = {};
  for (const { pid, cpuMs } of trees) {
    const role = roles.get(pid) ?? "other";
    byRole[role] = (byRole[role] ?? 0) + cpuMs;
  }
  const sum = (values: readonly number[]): number => values.reduce((left, right) => left + right, 0);
  return {
    cpuMs: sum(trees.map(({ cpuMs }) => cpuMs)),
    linksMs: byRole["links"] ?? 0,
    byRole,
    residentMiB: sum(trees.map(({ residentKiB }) => residentKiB)) / 1024,
  };
}

/** What was used between two looks. Memory is that of the later one. */
export const since = (before: Used, after: Used): Used => ({
  cpuMs: after.cpuMs - before.cpuMs,
  linksMs: after.linksMs - before.linksMs,
  byRole: Object.fromEntries(Object.entries(after.byRole).map(([role, ms]) => [role, ms - (before.byRole[role] ?? 0)])),
  residentMiB: after.residentMiB,
});
