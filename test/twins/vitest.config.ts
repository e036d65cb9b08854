/** Runs test files with a twin's mistake in the code under test. Used by `run-tests.ts`; the twin is the environment's. */
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { fileURLToPath, pathToFileURL } from "node:url";
import { defineConfig } from "vitest/config";
import { editsByUrl } from "./chosen.ts";
import { appliedAll } from "./twin.ts";

const edits = editsByUrl();

const mistake = {
  name: "twin",
  // Before the types are stripped: the text must be the one on disk.
  enforce: "pre",
  transform(source: string, id: string) {
    const here = edits.get(pathToFileURL(id).href);
    return here === undefined ? null : { code: appliedAll(here, source), map: null };
  },
} as const;

export default defineConfig({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  test: {
    // What is kept between runs would be taken for another twin's.
    fsModuleCache: false,
    projects: [
      {
        plugins: [mistake],
        test: {
          name: "unit",
          include: ["test/{unit,property,model,scenario}/**/*.test.ts"],
          testTimeout: 30_000,
          fsModuleCache: false,
        },
      },
      {
        plugins: [
          mistake,
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            // As in the runtime tests: where requests may settle each other's promises, sound code fails too.
            miniflare: { bindings: { SYNOD_TRACE_URL: "", SYNOD_OPEN: "true", SYNOD_GATHER: "false" } },
          }),
        ],
        test: { name: "runtime", include: ["test/runtime/**/*.test.ts"], fsModuleCache: false },
      },
    ],
  },
});
