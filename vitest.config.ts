/**
 * The three kinds of tests. `unit` is plain Node: the core, its models and simulations, and the tooling. `runtime` runs
 * inside the platform's own runtime, with its Durable Objects. `processes` starts real processes and kills them, so its
 * files run one at a time, when nothing else does.
 */
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/{unit,property,model,scenario,linearizability,sim,twins}/**/*.test.ts"],
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            // Tests ask nobody outside this machine where they run, and need no token.
            miniflare: { bindings: { SYNOD_TRACE_URL: "", SYNOD_OPEN: "true" } },
          }),
        ],
        test: {
          name: "runtime",
          include: ["test/runtime/**/*.test.ts"],
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "processes",
          include: ["test/processes/**/*.test.ts"],
          sequence: { groupOrder: 2 },
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
