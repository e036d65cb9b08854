/**
 * Turns `workers/gateway.ts` and all it imports into the one module the runtime loads. Modules the runtime itself
 * provides stay imports.
 */
import { build } from "esbuild";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { LauncherError } from "./errors.ts";

const root = new URL("../../", import.meta.url);

/** The entry of the Worker that is deployed: the launchers run the same one. */
export const gatewayEntry: string = fileURLToPath(new URL("workers/gateway.ts", root));

export async function bundleWorker(entry: string, outfile: string): Promise<void> {
  try {
    await build({
      entryPoints: [entry],
      outfile,
      bundle: true,
      format: "esm",
      target: "es2024",
      conditions: ["workerd", "worker", "browser"],
      external: ["cloudflare:*", "node:*"],
      sourcemap: "inline",
      sourcesContent: false,
      logLevel: "silent",
    });
  } catch (error) {
    throw new LauncherError(`the worker does not build: ${(error as Error).message}`);
  }
}

/** The one date that decides which runtime behaviours apply, from where the deployment reads it. */
export function compatibilityDate(): string {
  const text = readFileSync(new URL("wrangler.toml", root), "utf8");
  const date = /^compatibility_date = "(\d{4}-\d{2}-\d{2})"$/m.exec(text)?.[1];
  if (date === undefined) throw new LauncherError("wrangler.toml names no compatibility_date");
  return date;
}
