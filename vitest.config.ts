/**
 * The three kinds of tests. `unit` is plain Node: the core, its models and simulations, and the tooling. `runtime` runs
 * inside the platform's own runtime, with its Durable Objects. `processes` starts real processes and kills them, so its
 * files run one at a time, when nothing else does.
 */
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { ephemeralTimeKey } from "./scripts/runtime/time-key.ts";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/{unit,property,model,scenario,linearizability,sim,time,twins}/**/*.test.ts"],
          testTimeout: 30_000,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            // Tests ask nobody outside this machine where they run, and need no token.
            miniflare: {
              // Tests and Worker share one isolate there, and no request may settle another's promise.
              bindings: {
                SYNOD_TRACE_URL: "",
                SYNOD_OPEN: "true",
                SYNOD_CHECK_PRIVATE: "true",
                SYNOD_GATHER: "false",
                ...ephemeralTimeKey(),
              },
            },
          }),
        ],
        test: {
          name: "runtime",
          include: ["test/runtime/**/*.test.ts"],
          // What checks look at must listen outside of the runtime.
          globalSetup: ["test/runtime/checked-server.ts"],
          // They wait more than they compute; left to itself vitest runs one file at a time on two cores.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "processes",
          include: ["test/{processes,interop}/**/*.test.ts"],
          sequence: { groupOrder: 2 },
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
