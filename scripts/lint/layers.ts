/**
 * The direction in which imports may run, as one table. Called by the lint rule `synod/import-direction`; reads no
 * files. A layer is a folder of `src` or a part of `workers`; what is not in the table may import anything.
 */
import { posix } from "node:path";

interface Layer {
  /** Folders or files, relative to the repository, that make up this layer. The first match in the table counts. */
  readonly folder: string;
  /** Other layers it may import, by folder. Absent: any of its own project. */
  readonly mayImport?: readonly string[];
  /** Packages and built-in modules it may import. Absent: any. */
  readonly packages?: readonly string[];
  /** Files it may never import, by prefix and an optional text in the name. */
  readonly never?: readonly { readonly folder: string; readonly nameContains?: string }[];
}

const layers: readonly Layer[] = [
  { folder: "src/support/", mayImport: [], packages: [] },
  { folder: "src/paxos/", mayImport: ["src/support/"], packages: [] },
  { folder: "src/store/", mayImport: ["src/support/"], packages: [] },
  { folder: "src/time/", mayImport: ["src/support/"], packages: [] },
  { folder: "src/registry/", mayImport: ["src/store/", "src/support/"], packages: ["ipaddr.js"] },
  {
    folder: "src/wire/",
    mayImport: ["src/paxos/", "src/store/", "src/registry/", "src/replica/messages.ts", "src/support/"],
    packages: ["valibot"],
  },
  {
    folder: "src/replica/",
    mayImport: ["src/paxos/", "src/store/", "src/registry/", "src/support/"],
    packages: [],
  },
  { folder: "src/client/", mayImport: ["src/wire/", "src/time/", "src/support/"], packages: ["valibot"] },
  {
    folder: "src/cli/",
    mayImport: ["src/client/", "src/wire/", "src/time/", "src/support/"],
    packages: ["valibot", "node:"],
  },
  { folder: "src/", mayImport: [], packages: [] },
  {
    folder: "workers/routes/",
    mayImport: ["workers/", "src/"],
    never: [{ folder: "workers/objects/" }, { folder: "workers/adapters/", nameContains: "sql" }],
  },
  { folder: "workers/", mayImport: ["src/"] },
];

/** Why `file` may not import `specifier`, or undefined if it may. `file` is relative to the repository. */
export function judgeImport(file: string, specifier: string): string | undefined {
  const layer = layers.find(({ folder }) => file.startsWith(folder));
  if (layer === undefined) return undefined;
  return specifier.startsWith(".")
    ? judgeFile(layer, file, posix.join(posix.dirname(file), specifier))
    : judgePackage(layer, specifier);
}

function judgePackage(layer: Layer, specifier: string): string | undefined {
  const allowed = layer.packages;
  if (allowed === undefined) return undefined;
  const fits = allowed.some((name) => (name.endsWith(":") ? specifier.startsWith(name) : specifier === name));
  return fits ? undefined : `${layer.folder} may not import the package ${specifier}`;
}

function judgeFile(layer: Layer, file: string, target: string): string | undefined {
  if (!target.endsWith(".ts")) return `${file} must import ${target} with its extension .ts`;
  const banned = layer.never?.find(
    ({ folder, nameContains }) => target.startsWith(folder) && target.includes(nameContains ?? ""),
  );
  if (banned !== undefined) return `${layer.folder} may not import ${target}`;
  const allowed = [layer.folder, ...(layer.mayImport ?? [])];
  return allowed.some((folder) => target.startsWith(folder)) ? undefined : `${layer.folder} may not import ${target}`;
}
