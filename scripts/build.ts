/**
 * Builds the command line into one file, `dist/synod.js`: Node runs TypeScript from a checkout, but not from inside
 * `node_modules`, where an installed package lies. npm calls this after `npm ci` and before packing (`prepare`).
 *
 *   node scripts/build.ts [file]
 */
import { build } from "esbuild";
import { chmodSync } from "node:fs";
import { fileURLToPath } from "node:url";

const outfile = process.argv[2] ?? fileURLToPath(new URL("../dist/synod.js", import.meta.url));

await build({
  entryPoints: [fileURLToPath(new URL("../src/cli/main.ts", import.meta.url))],
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  legalComments: "none",
  logLevel: "warning",
});
chmodSync(outfile, 0o755);
