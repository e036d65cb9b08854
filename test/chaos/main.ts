/** `npm run chaos`: a storm over a real cluster, and the judgement of what its clients were told. */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { explain } from "../../scripts/runtime/errors.ts";
import { untilAsked } from "../../scripts/runtime/signals.ts";
import { help, readCommandLine } from "./options.ts";
import { historyOf, printReport, reportOf } from "./report.ts";
import { run } from "./run.ts";

async function main(): Promise<void> {
  const options = readCommandLine(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(help);
    return;
  }
  const { report, history, ...rest } = options;
  const result = await run(rest, untilAsked());
  printReport(result);
  if (report !== undefined) writeFileSync(report, `${JSON.stringify(reportOf(result), undefined, 2)}\n`);
  // What went wrong once may not go wrong again: the evidence is kept.
  const kept = result.verdict === "holds" ? history : (history ?? join(tmpdir(), `synod-chaos-${rest.seed}.json`));
  if (kept !== undefined) {
    writeFileSync(kept, JSON.stringify(historyOf(result)));
    process.stdout.write(`All that was asked and told: ${kept}\n`);
  }
  if (result.verdict !== "holds") process.exitCode = 1;
}

await main().catch(explain);
