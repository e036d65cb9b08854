/**
 * `npm run interop:ntp`: what chronyd, ntpdig and ntpdate say of the bridge, with a Synod on loopback behind it. The truth is
 * this machine's own clock, which that Synod reads too: the right answer is 0, and what is seen is the error. Nobody sets a
 * clock. Fails when an error lies outside of what the bridge claims.
 */
import { servedSynod } from "../../support/served.ts";
import { inNamespace, noNamespace } from "./privileged.ts";
import { feignedSynod, startBridge } from "./stage.ts";
import { askBridge, chronydFor, chronydOnce, missing } from "./tools.ts";

interface Row {
  readonly judge: string;
  readonly truth: number;
  readonly seen: number | null;
  readonly claimed: number | null;
  readonly more: string;
}

const rows: Row[] = [];
const skipped: string[] = [];
const ms = (value: number | null, digits = 3): string => (value === null ? "none" : value.toFixed(digits));

const chronySeconds = 15;

async function chronyJudges(): Promise<void> {
  const synod = await servedSynod();
  const bridge = await startBridge(synod.url);
  try {
    await bridge.says("synod: synchronised");
    const own = await askBridge(bridge.port);
    const claimed = own?.claimedMs ?? null;
    rows.push({
      judge: "one packet of our own",
      truth: 0,
      seen: own?.offsetMs ?? null,
      claimed,
      more: `stratum ${own?.packet.stratum}, delay ${ms(own?.delayMs ?? null)} ms`,
    });
    const once = await chronydOnce(bridge.port, 1, 5);
    rows.push({ judge: "chronyd -Q, 1 sample", truth: 0, seen: once.offsetMs, claimed, more: `exit ${once.code}` });
    const burst = await chronydOnce(bridge.port, 4, 15);
    rows.push({ judge: "chronyd -Q, 4 samples", truth: 0, seen: burst.offsetMs, claimed, more: `exit ${burst.code}` });
    const followed = await chronydFor(bridge.port, chronySeconds);
    rows.push({
      judge: `chronyd -x, ${chronySeconds} s at 4/s`,
      truth: 0,
      seen: followed.offsetMs,
      claimed: followed.rootDelayMs / 2 + followed.rootDispersionMs,
      more: `stratum ${followed.stratum}, sd ${ms(followed.sdMs)} ms, skew ${ms(followed.skewPpm, 1)} ppm, root delay ${ms(followed.rootDelayMs)} ms, root dispersion ${ms(followed.rootDispersionMs)} ms`,
    });
  } finally {
    await bridge.stop();
    await synod.stop();
  }
  const ahead = await feignedSynod({ wnam: 250, enam: 250, weur: 30_000 });
  const other = await startBridge(ahead.url);
  try {
    await other.says("synod: synchronised");
    const claimed = (await askBridge(other.port))?.claimedMs ?? null;
    const once = await chronydOnce(other.port, 4, 15);
    rows.push({
      judge: "chronyd -Q, 250 ms ahead, 1 of 3 lying by 30 s",
      truth: 250,
      seen: once.offsetMs,
      claimed,
      more: `exit ${once.code}`,
    });
  } finally {
    await other.stop();
    await ahead.stop();
  }
}

async function diggers(): Promise<void> {
  const { ntpdig, ntpdate, claimedMs } = await inNamespace();
  const more = `exit ${ntpdig.code}, its own "precision" ${ms(ntpdig.precisionMs)} ms`;
  rows.push({ judge: "ntpdig -p 3", truth: 0, seen: ntpdig.offsetMs, claimed: claimedMs, more });
  rows.push({
    judge: "ntpdate -q",
    truth: 0,
    seen: ntpdate.offsetMs,
    claimed: claimedMs,
    more: `exit ${ntpdate.code}`,
  });
}

const chronyMissing = missing("chronyd", "chronyc");
if (chronyMissing === null) await chronyJudges();
else skipped.push(chronyMissing);
const digMissing = missing("ntpdig", "ntpdate") ?? noNamespace();
if (digMissing === null) await diggers();
else skipped.push(digMissing);

process.stdout.write("judge                                           truth ms    seen ms   error ms  claimed ms  \n");
for (const { judge, truth, seen, claimed, more } of rows) {
  const error = seen === null ? null : seen - truth;
  const held = error !== null && claimed !== null && Math.abs(error) <= claimed;
  if (!held) process.exitCode = 1;
  const figures = [ms(truth, 0).padStart(8), ms(seen).padStart(10), ms(error).padStart(10), ms(claimed).padStart(11)];
  process.stdout.write(`${judge.padEnd(47)} ${figures.join(" ")}  ${held ? "within" : "OUTSIDE"}; ${more}\n`);
}
for (const why of skipped) process.stdout.write(`SKIPPED: ${why}\n`);
