/**
 * Builds the deployment as `wrangler deploy` would and sends it nowhere. Any warning is a failure: wrangler only warns
 * about a misspelt binding, and then deploys without it.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const output = mkdtempSync(join(tmpdir(), "synod-dry-run-"));

try {
  const run = spawnSync("wrangler", ["deploy", "--dry-run", "--outdir", output], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      CI: "true",
      NO_COLOR: "1",
      WRANGLER_HIDE_BANNER: "true",
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_SEND_ERROR_REPORTS: "false",
      WRANGLER_LOG_PATH: join(output, "log"),
    },
  });
  const text = `${run.stdout}${run.stderr}`;
  process.stdout.write(text);
  if (run.error !== undefined) throw run.error;
  if (run.status !== 0) {
    process.exitCode = 1;
  } else if (/warning/i.test(text)) {
    process.stderr.write("The deployment builds, but with a warning; a warning is a failure here.\n");
    process.exitCode = 1;
  }
} finally {
  rmSync(output, { recursive: true, force: true });
}
