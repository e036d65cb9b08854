/**
 * One process for each region, really killed, stopped and cut off, under load: what was acknowledged stays, and whoever can
 * still reach a majority goes on. Figures that depend on the machine are printed; only promised bounds are asserted.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type Cluster } from "../../scripts/runtime/cluster.ts";
import { ask, highestRound, leaderAt, eventually, pause, put, putKey, statusOf, urlOf } from "./support/gateway.ts";
import { converged, nothingLost } from "./support/survivors.ts";
import { Writers } from "./support/writers.ts";

const directory = mkdtempSync(join(tmpdir(), "synod-survival-"));
const all = ["wnam", "enam", "weur"] as const;
let cluster: Cluster;
const dead = new Set<string>();

beforeAll(async () => {
  cluster = await startCluster({ dataDir: directory });
  expect((await put(`${url("wnam")}/kv/founded`, "yes")).status).toBe(201);
});
afterAll(async () => {
  await cluster.stop();
  rmSync(directory, { recursive: true, force: true });
});
/** Each test finds all regions up and joined. */
afterEach(async () => {
  cluster.heal();
  for (const region of [...dead]) await revive(region);
});

const url = (region: string): string => urlOf(cluster, region);
const except = (...regions: readonly string[]): readonly string[] => all.filter((region) => !regions.includes(region));

async function kill(region: string): Promise<void> {
  dead.add(region);
  await cluster.kill(region, "SIGKILL");
}
async function revive(region: string): Promise<void> {
  dead.delete(region);
  await cluster.restart(region);
}
/** The region that leads, once somebody has asked for something: nobody leads on suspicion. */
async function leading(gateway: string): Promise<string> {
  await eventually(`a write at ${gateway}`, async () => {
    const told = await putKey(gateway, "who-leads", "?");
    return told.type === "acknowledged" ? told : null;
  });
  return leaderAt(gateway);
}
const print = (what: string): void => console.log(`survival: ${what}`);

describe("a killed region", () => {
  it("does not stop the others' writes, and takes nothing acknowledged with it", async () => {
    const leader = await leading(url("wnam"));
    const [victim = "", other = ""] = except(leader);
    const writers = new Writers(cluster, "follower/", all);
    await writers.progress(all, 20);
    await kill(victim);
    await writers.progress([leader, other], 100);
    await writers.stop();
    print(`one region killed: ${writers.summary()}`);
    await nothingLost(cluster, [leader, other], writers);
  }, 90_000);

  it("is replaced without a hand if it led", async () => {
    const leader = await leading(url("wnam"));
    const survivors = except(leader);
    const writers = new Writers(cluster, "leader/", all);
    await writers.progress(all, 20);
    expect(await leaderAt(url(survivors[0] ?? ""))).toBe(leader);
    const killed = performance.now();
    await kill(leader);
    await writers.progress(survivors, 100);
    const gap = Math.max(...writers.gaps(survivors, killed));
    await writers.stop();
    print(`longest gap after the leader's death: ${gap.toFixed(0)} ms; ${writers.summary()}`);
    expect(gap).toBeLessThan(20_000);
    expect(survivors).toContain(await leaderAt(url(survivors[0] ?? "")));
    await nothingLost(cluster, survivors, writers);
    await revive(leader);
    await converged(cluster, leader);
    await nothingLost(cluster, [leader], writers);
  }, 90_000);

  it("[F6] keeps new namespaces from being founded, not the founded ones from working", async () => {
    expect((await put(`${url("enam")}/ns/early/kv/a`, "1")).status).toBe(201);
    await kill("weur");
    const refused = await put(`${url("enam")}/ns/late/kv/refused`, "1");
    expect([refused.status, await refused.json()]).toMatchObject([
      503,
      { code: "founding-incomplete", outcome: "not-applied" },
    ]);
    const decision = await put(`${url("wnam")}/ns/late/decisions/refused`, "1");
    expect([decision.status, await decision.json()]).toMatchObject([
      503,
      { code: "founding-incomplete", outcome: "not-applied" },
    ]);
    const { acceptors } = await statusOf(`${url("wnam")}/ns/late`);
    for (const { reachable, promised, lastVoted } of acceptors.filter((one) => one.region !== "weur")) {
      expect({ reachable, promised, lastVoted }).toEqual({ reachable: true, promised: null, lastVoted: 0 });
    }
    expect((await put(`${url("enam")}/ns/early/kv/b`, "1")).status).toBe(201);
    await revive("weur");
    expect(await (await ask(`${url("weur")}/ns/early/kv/b`)).text()).toBe("1");
    const founded = await eventually("the founding", async () => {
      const response = await put(`${url("enam")}/ns/late/kv/taken`, "1");
      return response.ok ? response : null;
    });
    // The first change there: what was refused before did not happen first.
    expect(await founded.json()).toMatchObject({ revision: 2 });
    expect((await ask(`${url("weur")}/ns/late/kv/refused`)).status).toBe(404);
    expect((await ask(`${url("weur")}/ns/late/decisions/refused`)).status).toBe(404);
  }, 60_000);
});

describe("all regions", () => {
  it("killed in turn and then all at once, forget nothing they acknowledged", async () => {
    const writers = new Writers(cluster, "turns/", all);
    for (const region of [...all, ...all]) {
      await writers.progress(all, 10);
      await kill(region);
      await writers.progress(except(region), 10);
      await revive(region);
    }
    await writers.progress(all, 10);
    await Promise.all(all.map(kill));
    await Promise.all(all.map(revive));
    await writers.progress(all, 10);
    await writers.stop();
    print(`killed seven times: ${writers.summary()}`);
    await converged(cluster, "wnam");
    await nothingLost(cluster, all, writers);
  }, 120_000);

  it("are judged by a check that notices what is lost, changed or did happen", async () => {
    const writers = new Writers(cluster, "forged/", ["wnam"], 1);
    await writers.progress(["wnam"], 1);
    await writers.stop();
    await nothingLost(cluster, all, writers);
    const [write] = writers.acknowledged("wnam");
    if (write === undefined || write.told.type !== "acknowledged") throw new Error("nothing was written");
    const { revision } = write.told;
    for (const [forged, complaint] of [
      [{ ...write, key: "forged/lost" }, "is lost"],
      [{ ...write, value: "another" }, "was acknowledged at revision"],
      [{ ...write, told: { type: "acknowledged", revision: revision + 1 } }, "was acknowledged at revision"],
      [{ ...write, told: { type: "not-applied" } }, "was refused as not applied, and is there"],
    ] as const) {
      writers.writes.push(forged);
      await expect(nothingLost(cluster, ["wnam"], writers)).rejects.toThrow(complaint);
      writers.writes.pop();
    }
    writers.writes.splice(0, 1);
    await expect(nothingLost(cluster, ["wnam"], writers)).rejects.toThrow("was never written");
  }, 60_000);
});

describe("two killed regions of three", () => {
  it("leave reads of the past and the truth, and everything when they return", async () => {
    const service = { address: "127.0.0.1", port: 80, ttl: 3_600 };
    const headers = { "content-type": "application/json" };
    for (const region of all) await putKey(url(region), `known-in-${region}`, "known");
    const instance = { method: "PUT", headers, body: JSON.stringify(service) };
    expect((await ask(`${url("wnam")}/services/shop/one`, instance)).status).toBe(201);
    const leader = await leading(url("wnam"));
    const [survivor = ""] = except(leader);
    const victims = except(survivor);
    const gateway = url(survivor);
    const writers = new Writers(cluster, "two/", all);
    await writers.progress(all, 20);
    // A linearizable read: from here on the survivor knows what it is asked for below.
    expect((await ask(`${gateway}/services/shop`)).status).toBe(200);

    await Promise.all(victims.map(kill));
    const killed = performance.now();
    const sent = performance.now();
    const write = await put(`${gateway}/kv/two/alone`, "alone");
    const took = performance.now() - sent;
    print(`a write without a majority is refused after ${took.toFixed(0)} ms`);
    expect(took).toBeLessThan(8_000);
    const refusal = (await write.json()) as { readonly code: string; readonly outcome: "unknown" | "not-applied" };
    expect([write.status, refusal]).toMatchObject([503, { code: "no-quorum", retryable: true }]);
    expect(["unknown", "not-applied"]).toContain(refusal.outcome);
    await writers.stop();
    writers.writes.push({
      region: survivor,
      client: 0,
      key: "two/alone",
      value: "alone",
      endedMs: 0,
      told: { type: refusal.outcome },
    });
    const read = await ask(`${gateway}/kv/known-in-wnam`);
    expect([read.status, await read.json()]).toMatchObject([503, { code: "no-quorum" }]);

    for (const path of ["/kv/known-in-wnam", "/services/shop"]) {
      const local = await ask(`${gateway}${path}?consistency=local`);
      expect([local.status, local.headers.get("synod-region")]).toEqual([200, survivor]);
      expect(await local.text()).toContain(path === "/services/shop" ? '"instance":"one"' : "known");
      // R4: no confirmation can have ended after the kill; one second for those that were under way.
      expect(Number(local.headers.get("synod-age"))).toBeGreaterThan(performance.now() - killed - 1_000);
    }
    const status = await statusOf(gateway);
    for (const part of [status.acceptors, status.replicas]) {
      const unreachable = part.filter(({ reachable }) => !reachable).map(({ region }) => region);
      expect(unreachable).toEqual(victims);
    }
    for (const victim of victims) expect(status.warnings).toContain(`the replica in ${victim} does not answer`);

    await Promise.all(victims.map(revive));
    await Promise.all(all.map(async (region) => nothingLost(cluster, [region], writers)));
    const { replicas } = await converged(cluster, survivor);
    expect(replicas.map(({ halted }) => halted)).toEqual([undefined, undefined, undefined]);
    await nothingLost(cluster, all, writers);
  }, 120_000);
});

describe("a cut between two regions", () => {
  it("is worked around through the third, without a race of ballots", async () => {
    const leader = await leading(url("wnam"));
    const [apart = "", between = ""] = except(leader);
    const writers = new Writers(cluster, "cut/", all);
    await writers.progress(all, 20);
    const before = highestRound(await statusOf(url(between)));
    for (const [from, to] of [
      [leader, apart],
      [apart, leader],
    ] as const) {
      cluster.link(from, to, { cut: true });
    }
    const cut = performance.now();
    await writers.progress([leader, apart], 20);
    // Long enough for a detour to be taken, to end and to be taken again.
    while (performance.now() - cut < 7_000) {
      await writers.progress([leader, apart], 20);
      await pause(200);
    }
    const gap = Math.max(...writers.gaps([leader, apart], cut));
    const rounds = highestRound(await statusOf(url(between))) - before;
    const seconds = ((performance.now() - cut) / 1_000).toFixed(0);
    print(`cut for ${seconds} s: ${rounds} new rounds, longest gap ${gap.toFixed(0)} ms; ${writers.summary()}`);
    expect(rounds).toBeLessThanOrEqual(10);
    cluster.heal();
    await writers.progress(all, 20);
    await writers.stop();
    await converged(cluster, between);
    await nothingLost(cluster, all, writers);
  }, 90_000);
});

describe("a leader", () => {
  it.each([
    ["hears nobody", true, false],
    ["is heard by nobody", false, true],
    ["is quite alone", true, true],
  ])(
    "that %s is replaced, and does no harm when it is back",
    async (what, deaf, mute) => {
      const leader = await leading(url("wnam"));
      const others = except(leader);
      const writers = new Writers(cluster, `${what.replaceAll(" ", "-")}/`, all);
      await writers.progress(all, 10);
      const cut = performance.now();
      for (const other of others) {
        if (deaf) cluster.link(other, leader, { cut: true });
        if (mute) cluster.link(leader, other, { cut: true });
      }
      await writers.progress(others, 50);
      const gap = Math.max(...writers.gaps(others, cut));
      expect(others).toContain(await leaderAt(url(others[0] ?? "")));
      cluster.heal();
      await writers.progress(all, 10);
      await writers.stop();
      print(`a leader ${what}: longest gap of the others ${gap.toFixed(0)} ms; ${writers.summary()}`);
      await converged(cluster, leader);
      await nothingLost(cluster, all, writers);
    },
    90_000,
  );
});

describe("a decision", () => {
  it("[C2] is one for a hundred clients who want a hundred things", async () => {
    const clients = Array.from({ length: 100 }, (_, i) => ({ region: all[i % all.length] ?? "wnam", value: `v${i}` }));
    const answers = await Promise.all(
      clients.map(async ({ region, value }) => {
        const response = await put(`${url(region)}/decisions/contested`, value);
        const said = (await response.json()) as { readonly value?: string; readonly yours?: boolean };
        return { status: response.status, asked: value, ...said };
      }),
    );
    const told = answers.filter(({ status }) => status < 300);
    print(`${told.length} of 100 clients were told what was decided`);
    expect(told.length).toBeGreaterThan(50);
    const [decided] = told.map(({ value }) => value);
    expect(decided).toMatch(/^v\d+$/);
    expect(new Set(told.map(({ value }) => value)).size).toBe(1);
    const winners = told.filter(({ yours }) => yours);
    expect(winners.length).toBeLessThanOrEqual(1);
    for (const { status, asked } of winners) expect([status, asked]).toEqual([201, decided]);
    // Without a winner, the one whose value it is must have been left in doubt.
    if (winners.length === 0) expect(answers.find(({ asked }) => asked === decided)?.status).toBe(503);
    for (const region of all) {
      expect(await (await ask(`${url(region)}/decisions/contested`)).json()).toMatchObject({ value: decided });
    }
  }, 60_000);
});

describe("the internal door", () => {
  const door = (region: string): string => cluster.regions.find((one) => one.region === region)?.doorUrl ?? "";
  const knock = async (path: string, secret: string | null, method = "POST"): Promise<number> => {
    const response = await ask(`${door("wnam")}${path}`, {
      method,
      headers: secret === null ? {} : { "synod-secret": secret },
    });
    await response.body?.cancel();
    return response.status;
  };

  it("opens to the secret alone", async () => {
    const path = "/acceptor-status/default/wnam";
    expect(await knock(path, cluster.secret)).toBe(200);
    const changed = cluster.secret.replace(/^./, (first) => (first === "0" ? "1" : "0"));
    for (const secret of [null, "", "wrong", changed, `${cluster.secret}0`]) {
      for (const one of [path, "/", "/kv/founded"]) expect(await knock(one, secret)).toBe(403);
    }
  });

  it("knows no public path, and no region but its own", async () => {
    for (const method of ["GET", "PUT", "POST", "DELETE"]) {
      for (const path of ["/", "/kv/founded", "/kv", "/decisions/a", "/services", "/status", "/time", "/ns/a/kv/b"]) {
        const response = await ask(`${door("wnam")}${path}`, { method, headers: { "synod-secret": cluster.secret } });
        expect([method, path, response.status, await response.text()]).toEqual([method, path, 404, "no such port"]);
      }
    }
    expect(await knock("/acceptor-status/default/enam", cluster.secret)).toBe(404);
    expect(await knock("/acceptor-status/default/wnam", cluster.secret, "GET")).toBe(405);
  });

  it("is not found at the gateway", async () => {
    const response = await ask(`${url("wnam")}/acceptor-status/default/wnam`, {
      method: "POST",
      headers: { "synod-secret": cluster.secret },
    });
    expect([response.status, await response.json()]).toMatchObject([404, { code: "not-found" }]);
  });
});
