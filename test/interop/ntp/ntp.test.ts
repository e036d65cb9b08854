/**
 * Real NTP clients judge the bridge. Where Debian's packages or the kernel's namespaces are missing, the tests that need them
 * are skipped, and say so.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { kissCode } from "../../../src/time/ntp-packet.ts";
import { servedSynod } from "../../support/served.ts";
import type { Served } from "../../support/served.ts";
import { inNamespace, noNamespace } from "./privileged.ts";
import { feignedSynod, startBridge } from "./stage.ts";
import type { Bridge } from "./stage.ts";
import { askBridge, chronydOnce, chronydParses, freeUdpPort, missing } from "./tools.ts";

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
});

async function bridgeTo(upstream: Served): Promise<Bridge> {
  undo.push(upstream.stop);
  const bridge = await startBridge(upstream.url);
  undo.push(bridge.stop);
  return bridge;
}

function loudly(why: string | null): boolean {
  if (why !== null) process.stderr.write(`SKIPPED: ${why}\n`);
  return why !== null;
}

describe("the bridge", () => {
  it("answers with its upstream's time, and claims no more than it knows", async () => {
    const bridge = await bridgeTo(await servedSynod());
    await bridge.says("synod: synchronised");
    const asked = await askBridge(bridge.port);
    expect(asked?.packet).toMatchObject({ leap: 0, version: 4, mode: 4, stratum: 4, poll: 4, precision: -18 });
    // The upstream reads this machine's clock: the truth is 0.
    expect(Math.abs(asked?.offsetMs ?? Infinity)).toBeLessThanOrEqual(
      (asked?.claimedMs ?? 0) + (asked?.delayMs ?? 0) / 2,
    );
    expect(asked?.claimedMs).toBeGreaterThan(27);
    expect(asked?.claimedMs).toBeLessThan(100);
    const older = await askBridge(bridge.port, { version: 3 });
    expect(older?.packet).toMatchObject({ version: 3, mode: 4 });
    expect(older?.claimedMs).toBeGreaterThanOrEqual(asked?.claimedMs ?? Infinity);
    expect(older?.packet.transmit).toBeGreaterThan(asked?.packet.transmit ?? 0n);
    expect(older?.packet.reference).toBeLessThan(older?.packet.receive ?? 0n);
  });

  it.each([
    ["another server's answer", { mode: 4 }],
    ["a control message", { mode: 6 }],
    ["version 2", { version: 2 }],
    ["version 5", { version: 5 }],
  ])("is silent to %s", async (_, change) => {
    const bridge = await bridgeTo(await feignedSynod({ wnam: 0 }));
    await bridge.says("answering NTP");
    expect(await askBridge(bridge.port, change)).toBeNull();
  });

  it("says leap 3 before it knows the time, and when its regions cannot agree", async () => {
    const silent = await startBridge(`http://127.0.0.1:${await freeUdpPort()}`);
    undo.push(silent.stop);
    await silent.says("trying again");
    expect((await askBridge(silent.port))?.packet).toMatchObject({ leap: 3, stratum: 0, receive: 0n, transmit: 0n });
    for (const [ahead, reason] of [
      [{ wnam: 0, enam: 10_000, weur: -10_000 }, "no-majority"],
      [{ wnam: 0, enam: null, weur: null }, "too-few-answers"],
    ] as const) {
      const bridge = await bridgeTo(await feignedSynod(ahead));
      await bridge.says(`not steered: ${reason}`);
      expect((await askBridge(bridge.port))?.packet).toMatchObject({ leap: 3, stratum: 0 });
    }
  });

  it("follows the majority, not the liar", async () => {
    const bridge = await bridgeTo(await feignedSynod({ wnam: 250, enam: 30_000, weur: 250 }));
    await bridge.says("falsetickers: enam");
    const asked = await askBridge(bridge.port);
    expect(Math.abs((asked?.offsetMs ?? 0) - 250)).toBeLessThanOrEqual(asked?.claimedMs ?? 0);
  });

  it("tells whoever floods it to ask less often, and then says nothing", async () => {
    const bridge = await bridgeTo(await feignedSynod({ wnam: 0 }));
    await bridge.says("synod: synchronised");
    const answers = await Promise.all(Array.from({ length: 60 }, async () => askBridge(bridge.port)));
    const kisses = answers.filter((answer) => answer !== null && kissCode(answer.packet) === "RATE");
    const silences = answers.filter((answer) => answer === null);
    expect(kisses.length).toBeGreaterThanOrEqual(1);
    expect(kisses.length).toBeLessThanOrEqual(3);
    expect(silences.length).toBeGreaterThan(15);
    expect(await bridge.stop()).toBe(0);
  });
});

describe.skipIf(loudly(missing("chronyd")))("chronyd", () => {
  it("takes the bridge's time for what it is", async () => {
    const bridge = await bridgeTo(await servedSynod());
    await bridge.says("synod: synchronised");
    const claimed = (await askBridge(bridge.port))?.claimedMs ?? 0;
    const verdict = await chronydOnce(bridge.port, 4, 15);
    expect(verdict.code).toBe(0);
    expect(Math.abs(verdict.offsetMs ?? Infinity)).toBeLessThanOrEqual(claimed);
  });

  it("sees by how much the upstream is ahead", async () => {
    const bridge = await bridgeTo(await feignedSynod({ wnam: -1500, enam: -1500, weur: -1500 }));
    await bridge.says("synod: synchronised");
    const { offsetMs } = await chronydOnce(bridge.port, 1, 5);
    expect(Math.abs((offsetMs ?? 0) + 1500)).toBeLessThanOrEqual(30);
  });

  it("understands the chrony.conf of docs/time.md", async () => {
    const text = readFileSync(new URL("../../../docs/time.md", import.meta.url), "utf8");
    const [, conf = ""] = /```conf\n([^`]*)```/.exec(text) ?? [];
    const directory = mkdtempSync(join(tmpdir(), "synod-chrony-"));
    undo.push(async () => Promise.resolve(rmSync(directory, { recursive: true })));
    const file = join(directory, "chrony.conf");
    writeFileSync(file, conf);
    const { code, output } = await chronydParses(file);
    expect(code).toBe(0);
    const lines = conf.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(lines.length).toBeGreaterThan(3);
    expect(output.trim().split("\n")).toEqual(lines);
  });

  it("does not use a bridge that is not synchronised", async () => {
    const bridge = await bridgeTo(await feignedSynod({ wnam: null }));
    await bridge.says("not steered");
    const verdict = await chronydOnce(bridge.port, 1, 4);
    expect(verdict).toMatchObject({ code: 1, offsetMs: null });
  });
});

describe.skipIf(loudly(missing("ntpdig", "ntpdate") ?? noNamespace()))("ntpdig and ntpdate", () => {
  it("take the bridge's time for what it is", async () => {
    const { ntpdig, ntpdate, claimedMs } = await inNamespace();
    for (const { code, offsetMs } of [ntpdig, ntpdate]) {
      expect(code).toBe(0);
      expect(Math.abs(offsetMs ?? Infinity)).toBeLessThanOrEqual(claimedMs ?? 0);
    }
  });
});
