/** The client's clock in virtual time: the promise, commit wait, and what HTTP says. */
import { describe, expect, it } from "vitest";
import { SynodClock } from "../../../src/client/clock.ts";
import type { ClockPlatform } from "../../../src/client/platform.ts";
import { httpTimeSource, regionsAt } from "../../../src/client/time-source.ts";
import type { Fetch } from "../../../src/client/time-source.ts";
import { seededRandom } from "../../../src/support/random.ts";

const start = Date.UTC(2026, 10, 23, 12);
const unused = new AbortController().signal;

/** Virtual time for code that awaits: after each task, all promises settle. */
class World {
  now = 0;
  readonly #tasks: { readonly at: number; readonly run: () => void }[] = [];

  after = (ms: number, run: () => void): (() => void) => {
    const task = { at: this.now + Math.max(0, ms), run };
    this.#tasks.push(task);
    return () => {
      const at = this.#tasks.indexOf(task);
      if (at >= 0) this.#tasks.splice(at, 1);
    };
  };

  readonly platform: ClockPlatform = {
    base: () => this.now,
    baseTickMs: 0.001,
    wall: () => start + this.now,
    after: this.after,
    random: seededRandom(7),
  };

  async runFor(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await settle();
      const next = this.#tasks.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.#tasks.splice(this.#tasks.indexOf(next), 1);
      this.now = Math.max(this.now, next.at);
      next.run();
    }
    this.now = end;
  }

  pause = async (ms: number): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.after(ms, resolve);
    await promise;
  };
}

async function settle(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(resolve);
  await promise;
}

const reply = (status: number, body: unknown, headers: Record<string, string> = {}) => ({
  status,
  headers: { get: (name: string) => headers[name] ?? null },
  json: async () => Promise.resolve(body),
});

const quality = { tick_ms: 1, leap: 0, stratum: 3, root_delay_ms: 0, root_dispersion_ms: 5 };

/** A gateway 8 ms away, all of whose regions are right. */
const gateway =
  (world: World, asked: string[] = []): Fetch =>
  async (url) => {
    asked.push(url);
    const { searchParams } = new URL(url);
    await world.pause(8);
    const t2 = Math.floor(start + world.now);
    await world.pause(8);
    return reply(200, { t1: searchParams.get("t1"), t2, t3: t2, ...quality, region: searchParams.get("region") });
  };

function clockIn(world: World, fetch: Fetch): SynodClock {
  const sources = ["weur", "enam", "apac"].map((region) =>
    httpTimeSource({ url: "https://synod.example", region, fetch, random: seededRandom(1) }),
  );
  return new SynodClock({ sources, platform: world.platform });
}

describe("the client's clock", () => {
  it("knows nothing before it has asked: neither before nor after", () => {
    const clock = clockIn(new World(), gateway(new World()));
    expect(clock.now().status).toBe("unknown");
    expect(clock.before(Infinity)).toBe(false);
    expect(clock.after(0)).toBe(false);
  });

  it("tells between which instants it is, and what is certainly before and after", async () => {
    const world = new World();
    const asked: string[] = [];
    const clock = clockIn(world, gateway(world, asked));
    clock.start();
    await world.runFor(5000);
    const now = start + world.now;
    const { earliest, latest, status } = clock.now();
    expect(status).toBe("synchronised");
    expect(earliest).toBeLessThanOrEqual(now);
    expect(latest).toBeGreaterThanOrEqual(now);
    expect(latest - earliest).toBeLessThan(40);
    expect([clock.after(earliest - 1), clock.after(now)]).toEqual([true, false]);
    expect([clock.before(latest + 1), clock.before(now)]).toEqual([true, false]);
    expect(asked).toHaveLength(24);
    expect(asked[0]).toMatch(/^https:\/\/synod\.example\/time\?t1=\w{26}&region=weur$/);
    clock.stop();
  });

  it("commit wait: returns only when the instant has passed for everybody", async () => {
    const world = new World();
    const clock = clockIn(world, gateway(world));
    clock.start();
    await world.runFor(5000);
    const { latest } = clock.now();
    let waited = false;
    const waiting = clock.waitUntilAfter(latest).then(() => (waited = true));
    await world.runFor(latest - start - world.now);
    expect(waited).toBe(false);
    await world.runFor(60);
    expect(waited).toBe(true);
    await waiting;
    expect(clock.after(latest)).toBe(true);
    clock.stop();
  });

  it("commit wait ends with the signal, and with the clock", async () => {
    const world = new World();
    const clock = clockIn(world, gateway(world));
    clock.start();
    await world.runFor(5000);
    const giveUp = new AbortController();
    const far = start + 1_000_000;
    const aborted = expect(clock.waitUntilAfter(far, giveUp.signal)).rejects.toThrow("aborted");
    giveUp.abort(new Error("aborted"));
    await aborted;
    const stopped = expect(clock.waitUntilAfter(far)).rejects.toThrow("the clock is stopped");
    clock.stop();
    await stopped;
  });

  it("notices a sleep when it is read, and asks again at once", async () => {
    const world = new World();
    let slept = 0;
    const platform = { ...world.platform, base: () => world.now - slept };
    const fetch = gateway(world);
    const sources = ["weur", "enam", "apac"].map((region) =>
      httpTimeSource({ url: "https://synod.example", region, fetch, random: seededRandom(1) }),
    );
    const clock = new SynodClock({ sources, platform });
    clock.start();
    await world.runFor(5000);
    // The base stood still for ten minutes.
    world.now += 600_000;
    slept = 600_000;
    expect(clock.now()).toMatchObject({ status: "unknown", reason: "disrupted" });
    await world.runFor(5000);
    const { earliest, latest, status } = clock.now();
    expect(status).toBe("synchronised");
    expect(earliest).toBeLessThanOrEqual(start + world.now);
    expect(latest).toBeGreaterThanOrEqual(start + world.now);
    clock.stop();
  });

  it("refuses two sources of one name", () => {
    const world = new World();
    const source = httpTimeSource({ url: "https://a", fetch: gateway(world), random: seededRandom(1) });
    expect(() => new SynodClock({ sources: [source, source], platform: world.platform })).toThrow("the same name");
  });
});

describe("a source of time over HTTP", () => {
  const askWith = async (answer: (t1: string | null) => ReturnType<typeof reply>) => {
    const fetch: Fetch = async (url) => Promise.resolve(answer(new URL(url).searchParams.get("t1")));
    const source = httpTimeSource({ url: "https://synod.example", fetch, random: seededRandom(1) });
    return source.ask(() => 1, unused);
  };

  it("stamps around the exchange", async () => {
    let base = 0;
    const fetch: Fetch = async (url) => {
      base = 7;
      return Promise.resolve(reply(200, { t1: new URL(url).searchParams.get("t1"), t2: 5, t3: 6, ...quality }));
    };
    const source = httpTimeSource({ url: "https://synod.example", fetch, random: seededRandom(1) });
    const asked = await source.ask(() => base, unused);
    expect(asked).toMatchObject({ type: "answer", answer: { t1: 0, t2: 5, t3: 6, t4: 7, rootDispersionMs: 5 } });
  });

  it.each([
    [
      "somebody else's stamp is bogus",
      200,
      { t1: "x", t2: 5, t3: 6, ...quality },
      { type: "refused", reason: "malformed" },
    ],
    ["no stamps", 200, {}, { type: "refused", reason: "malformed" }],
    ["403 is DENY", 403, {}, { type: "denied" }],
    ["503 with leap 3", 503, { leap: 3 }, { type: "refused", reason: "unsynchronised" }],
    ["503 by code", 503, { code: "clock-unsynchronised" }, { type: "refused", reason: "unsynchronised" }],
    ["503 of another kind", 503, { code: "clock-unreachable" }, { type: "lost" }],
    ["anything else", 500, {}, { type: "lost" }],
  ])("%s", async (_, status, body, expected) => {
    expect(await askWith(() => reply(status, body))).toEqual(expected);
  });

  it("429 is RATE, with its Retry-After", async () => {
    expect(await askWith(() => reply(429, {}, { "retry-after": "7" }))).toEqual({ type: "rate", retryAfterMs: 7000 });
    expect(await askWith(() => reply(429, {}))).toEqual({ type: "rate", retryAfterMs: 0 });
  });

  it("a network that fails is a lost answer", async () => {
    const failing: Fetch = async () => Promise.reject(new Error("no network"));
    const source = httpTimeSource({ url: "https://synod.example", fetch: failing, random: seededRandom(1) });
    expect(await source.ask(() => 1, unused)).toEqual({ type: "lost" });
  });

  it("learns from the gateway which regions there are", async () => {
    const fetch: Fetch = async () => Promise.resolve(reply(200, { regions: [{ region: "weur" }, { region: "apac" }] }));
    expect(await regionsAt("https://synod.example", fetch, unused)).toEqual(["weur", "apac"]);
    const wrong: Fetch = async () => Promise.resolve(reply(200, {}));
    await expect(regionsAt("https://synod.example", wrong, unused)).rejects.toThrow("which regions");
  });
});
