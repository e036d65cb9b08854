/** The time as NTP's packet, on a WebSocket, limited and doubted. */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { limits } from "../../src/support/limits.ts";
import { decodePacket, encodePacket, kissCode } from "../../src/time/ntp-packet.ts";
import type { NtpPacket } from "../../src/time/ntp-packet.ts";
import { secondsFromShort, toUnixMs } from "../../src/time/timestamps.ts";
import { Budget, mayAsk, spend } from "../../workers/time/budget.ts";
import type { Bucket } from "../../workers/time/budget.ts";
import { Lru } from "../../workers/gateway/lru.ts";
import { isolateMemory } from "../../workers/gateway/memory.ts";
import { measureRegions } from "../../workers/time/regions.ts";
import { ownReading, regionReading } from "../../workers/time/reading.ts";
import { expectProblem, get, jsonIn, send } from "./api.ts";
import { ClientEnd, upgrade } from "./sockets.ts";
import { visitWith } from "./visits.ts";

type Json = Readonly<Record<string, unknown>>;

const question: NtpPacket = {
  leap: 3,
  version: 4,
  mode: 3,
  stratum: 0,
  poll: 6,
  precision: 32,
  rootDelay: 0,
  rootDispersion: 0,
  referenceId: 0,
  reference: 0n,
  origin: 0n,
  receive: 0n,
  transmit: 0xdead_beef_0123_4567n,
};

const ntp = { "content-type": "application/ntp" };
const sendPacket = async (bytes: Uint8Array<ArrayBuffer>, path = "/time", headers = {}): Promise<Response> =>
  send("POST", path, { headers: { ...ntp, ...headers }, body: bytes });

afterEach(() => {
  isolateMemory.time.doubtedUntil = 0;
});

describe("POST /time as application/ntp", () => {
  it.each(["/time", "/time?region=weur", "/ns/team/time"])("answers a packet by a packet: %s", async (path) => {
    const before = Date.now();
    const response = await sendPacket(encodePacket(question), path);
    const after = Date.now();
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/ntp");
    expect(response.headers.get("cache-control")).toBe("no-store");
    const bytes = await response.bytes();
    expect(bytes).toHaveLength(48);
    const packet = decodePacket(bytes);
    expect(packet).toMatchObject({ leap: 0, version: 4, mode: 4, stratum: 3, poll: 6, precision: -9 });
    expect(packet?.origin).toBe(question.transmit);
    const [t2, t3] = [packet?.receive ?? 0n, packet?.transmit ?? 0n].map((stamp) => toUnixMs(stamp, before));
    // The middle of a tick.
    expect((t2 ?? 0) % 1).toBeCloseTo(0.5);
    expect(t2).toBeGreaterThanOrEqual(before);
    expect(t3).toBeGreaterThanOrEqual(t2 ?? 0);
    expect(t3).toBeLessThanOrEqual(after + 1);
    expect(secondsFromShort(packet?.rootDispersion ?? 0)).toBeGreaterThanOrEqual(0.0275);
  });

  it("speaks version 3", async () => {
    const response = await sendPacket(encodePacket({ ...question, version: 3 }));
    expect(decodePacket(await response.bytes())).toMatchObject({ version: 3, mode: 4 });
  });

  it.each([
    ["nothing", new Uint8Array(0), 400, "invalid-body"],
    ["47 bytes", encodePacket(question).slice(1), 400, "invalid-body"],
    ["an extension field", new Uint8Array([...encodePacket(question), 1, 4, 0, 4]), 400, "invalid-body"],
    ["a server's answer", encodePacket({ ...question, mode: 4 }), 400, "invalid-body"],
    ["a control message", encodePacket({ ...question, mode: 6 }), 400, "invalid-body"],
    ["version 2", encodePacket({ ...question, version: 2 }), 400, "invalid-body"],
    ["a flood", new Uint8Array(limits.timeQuestionBytes + 1), 413, "body-too-large"],
  ])("refuses %s", async (_, bytes, status, code) => {
    await expectProblem(await sendPacket(bytes), status, code, "not-applied");
  });

  it("refuses what it does not understand around a packet", async () => {
    const bytes = encodePacket(question);
    await expectProblem(await sendPacket(bytes, "/time?region=mars"), 400, "unknown-region", "not-applied");
    await expectProblem(await sendPacket(bytes, "/time?t1=1"), 400, "invalid-query", "not-applied");
    await expectProblem(
      await sendPacket(bytes, "/time", { "content-encoding": "gzip" }),
      415,
      "unsupported-encoding",
      "not-applied",
    );
    const octets = { "content-type": "application/octet-stream" };
    await expectProblem(await sendPacket(bytes, "/time", octets), 415, "unsupported-media-type", "not-applied");
  });

  it("says leap 3 when its clock is not to be trusted", async () => {
    isolateMemory.time.doubtedUntil = Infinity;
    const response = await sendPacket(encodePacket(question));
    expect(response.status).toBe(503);
    const packet = decodePacket(await response.bytes());
    expect(packet).toMatchObject({ leap: 3, stratum: 0, mode: 4, receive: 0n, transmit: 0n });
    const problem = await get("/time");
    expect(problem.headers.get("retry-after")).toBe("60");
    expect(await problem.clone().json()).toMatchObject({ leap: 3, retryable: true });
    await expectProblem(problem, 503, "clock-unsynchronised");
  });
});

describe("POST /time as JSON", () => {
  it("is GET with a body", async () => {
    const headers = { "content-type": "application/json" };
    const response = await send("POST", "/time", { headers, body: '{"t1":"7","region":"enam"}' });
    expect(await jsonIn(response)).toMatchObject({ t1: "7", region: "enam", hop: { dataCentre: "local" } });
    expect((await send("POST", "/time", { body: "{}", headers })).status).toBe(200);
  });

  it.each([
    ["", "invalid-body", 400],
    ["[]", "invalid-body", 400],
    ['{"t1":1}', "invalid-body", 400],
    [`{"t1":"${"1".repeat(65)}"}`, "invalid-body", 400],
    ['{"t2":"1"}', "invalid-body", 400],
    ['{"t1":"1","t1":"2"}', "invalid-body", 400],
    ['{"region":"mars"}', "unknown-region", 400],
    ['{"previous":"00"}', "invalid-query", 400],
    ["x".repeat(limits.timeQuestionBytes + 1), "body-too-large", 413],
  ])("refuses %j", async (body, code, status) => {
    const headers = { "content-type": "application/json" };
    await expectProblem(await send("POST", "/time", { headers, body }), status, code, "not-applied");
  });

  it("refuses a query beside a body", async () => {
    const headers = { "content-type": "application/json" };
    const response = await send("POST", "/time?t1=1", { headers, body: "{}" });
    await expectProblem(response, 400, "invalid-query", "not-applied");
  });
});

describe("a rate", () => {
  const from = (address: string) => ({ "cf-connecting-ip": address });

  it("is limited for each address: 429 with Retry-After, which is RATE", async () => {
    const here = from("203.0.113.1");
    const statuses = new Set<number>();
    for (let i = 0; i < limits.timeBurst + 5; i += 1) statuses.add((await get("/time", here)).status);
    expect([...statuses]).toEqual([200, 429]);
    const refused = await get("/time/regions", here);
    expect(refused.headers.get("retry-after")).toBe("1");
    await expectProblem(refused, 429, "rate-limited");
    const kiss = await sendPacket(encodePacket(question), "/time", here);
    expect([kiss.status, kiss.headers.get("retry-after")]).toEqual([429, "1"]);
    const packet = decodePacket(await kiss.bytes());
    expect(packet === null ? null : kissCode(packet)).toBe("RATE");
    expect((await get("/time", from("203.0.113.2"))).status).toBe(200);
  });

  it("is counted by this isolate where the platform counts nothing", async () => {
    const buckets = new Lru<Bucket>(2);
    for (let i = 0; i < limits.timeBurst; i += 1) expect(mayAsk(buckets, "a", 0)).toBe(true);
    expect(mayAsk(buckets, "a", 0)).toBe(false);
    expect(mayAsk(buckets, "a", -1000)).toBe(false);
    expect(mayAsk(buckets, "a", 1000 / limits.timePerSecond)).toBe(true);
    expect(mayAsk(buckets, "b", 0)).toBe(true);
    await expect(spend("a", undefined, buckets, 0)).rejects.toMatchObject({ code: "rate-limited" });
    await spend(null, undefined, buckets, 0);
    // However long it rests, it never holds more.
    const budget = new Budget(0);
    let asked = 0;
    while (budget.mayAsk(1e9)) asked += 1;
    expect(asked).toBe(limits.timeBurst);
  });
});

describe("a doubtful clock", () => {
  it("is one that has never been set", () => {
    const visit = { ...visitWith((real) => real), now: () => 1000 };
    expect(() => ownReading(visit, 1000)).toThrow("has not been set");
  });

  it("is a region's that contradicts this gateway's", async () => {
    for (const [ahead, wrong] of [
      [50, false],
      [100, true],
      [-100, true],
    ] as const) {
      const stamp = Date.now() + ahead;
      const answer = JSON.stringify({ region: "weur", dataCentre: "FRA", t2: stamp, t3: stamp });
      const visit = visitWith(() => ({ call: async () => Promise.resolve(answer) }));
      const reading = regionReading(visit, "weur");
      if (wrong) await expect(reading).rejects.toMatchObject({ code: "clock-unsynchronised" });
      else expect(await reading).toMatchObject({ t2: stamp, region: "weur" });
    }
  });

  it("is unreachable when it does not answer", async () => {
    const visit = visitWith(() => ({ call: async () => Promise.resolve(null) }));
    await expect(regionReading(visit, "weur")).rejects.toMatchObject({ code: "clock-unreachable" });
  });
});

describe("measureRegions", () => {
  /** Clocks that are so many milliseconds ahead; null is silent. */
  const measured = async (ahead: Readonly<Record<string, number | null>>) => {
    const visit = visitWith(() => ({
      call: async (_, { region }) => {
        const by = ahead[region] ?? null;
        const now = Date.now() + (by ?? 0);
        return Promise.resolve(by === null ? null : JSON.stringify({ region, dataCentre: "X", t2: now, t3: now }));
      },
    }));
    return { visit, answer: await measureRegions(visit) };
  };
  const judged = (regions: readonly Json[]) => regions.map(({ truechimer, reachable }) => truechimer ?? reachable);

  it("tells truechimers from falsetickers", async () => {
    const { answer } = await measured({ wnam: 0, enam: 3, weur: 5000 });
    expect(judged(answer.regions)).toEqual([true, true, false]);
    expect(answer).toMatchObject({ leap: 0, truechimer: true, regions: [{ rounds: 4 }, { rounds: 4 }, { rounds: 4 }] });
    expect(answer.agreed?.low_ms).toBeLessThanOrEqual(0);
    expect(answer.agreed?.high_ms).toBeGreaterThanOrEqual(0);
    expect(answer.agreed?.radius_ms).toBeGreaterThan(25);
  });

  it("does not follow a minority, nor those that are left when others are silent", async () => {
    const apart = await measured({ wnam: 0, enam: 2000, weur: 5000 });
    expect(apart.answer).toMatchObject({ leap: 3, agreed: null, refusal: "no-majority", truechimer: null });
    const alone = await measured({ wnam: 0, enam: null, weur: null });
    expect(alone.answer).toMatchObject({ leap: 3, agreed: null, refusal: "too-few-answers" });
    expect(judged(alone.answer.regions)).toEqual([true, false, false]);
    expect((await measured({})).answer).toMatchObject({ leap: 3, agreed: null, refusal: "no-answers" });
  });

  it("notices when the gateway's own clock is the wrong one, and stops telling the time", async () => {
    const { answer, visit } = await measured({ wnam: 500, enam: 500, weur: 500 });
    expect(answer).toMatchObject({ leap: 3, truechimer: false });
    expect(judged(answer.regions)).toEqual([true, true, true]);
    expect(() => ownReading(visit, visit.now())).toThrow("contradicts this gateway's clock");
    expect(ownReading(visit, visit.now() + limits.timeDoubtMs + 1)).toMatchObject({ region: null });
  });
});

describe("a WebSocket for the time", () => {
  async function opened(headers: Readonly<Record<string, string>> = {}) {
    const end = new ClientEnd(await upgrade("/time", headers));
    /** Null: it is closed, and has no more to say. */
    const next = async (): Promise<unknown> => {
      const data = await end.first(() => true).catch(() => null);
      return typeof data === "string" ? (JSON.parse(data) as Json) : data;
    };
    return { socket: end.socket, next, closed: end.closed.then(([code]) => code) };
  }

  it("answers many questions, and tells when the answer before really left", async () => {
    const { socket, next, closed } = await opened();
    socket.send('{"t1":"a"}');
    const first = (await next()) as Json;
    expect(first).toMatchObject({ t1: "a", tick_ms: 1, leap: 0, region: null });
    expect(first).not.toHaveProperty("interleaved");
    socket.send('{"t1":"b","region":"weur"}');
    const second = (await next()) as Json & { readonly hop: Json; readonly interleaved: Json };
    expect(second).toMatchObject({ t1: "b", region: "weur", interleaved: { t2: first["t2"] } });
    expect(Number(second.interleaved["t3"])).toBeGreaterThanOrEqual(Number(first["t3"]));
    expect(Number(second.interleaved["t3"])).toBeLessThanOrEqual(Number(second.hop["t1"]));
    socket.send('{"nonce":"c"}');
    const third = await next();
    expect(third).toMatchObject({ interleaved: { t2: second.hop["t1"] }, receipt: { nonce: "c" } });
    socket.close(1000);
    expect(await closed).toBe(1000);
  });

  it("takes NTP's packets", async () => {
    const { socket, next } = await opened();
    socket.send(encodePacket(question));
    const packet = decodePacket(new Uint8Array((await next()) as ArrayBuffer));
    expect(packet).toMatchObject({ leap: 0, mode: 4, origin: question.transmit });
    isolateMemory.time.doubtedUntil = Infinity;
    socket.send(encodePacket(question));
    expect(decodePacket(new Uint8Array((await next()) as ArrayBuffer))).toMatchObject({ leap: 3, stratum: 0 });
    socket.close(1000);
  });

  it.each([
    ["hello", "invalid-body"],
    ["[]", "invalid-body"],
    ['{"t2":"1"}', "invalid-body"],
    ['{"region":"mars"}', "unknown-region"],
    ['{"nonce":""}', "invalid-query"],
  ])("answers %s by a problem, and goes on", async (message, code) => {
    const { socket, next } = await opened();
    socket.send(message);
    expect(await next()).toMatchObject({ problem: { code } });
    socket.send("{}");
    expect(await next()).toMatchObject({ leap: 0 });
    socket.close(1000);
  });

  it("echoes t1 with a problem", async () => {
    const { socket, next } = await opened();
    socket.send('{"t1":"7","region":"mars"}');
    expect(await next()).toMatchObject({ t1: "7", problem: { code: "unknown-region", status: 400 } });
    socket.close(1000);
  });

  it("closes on whoever goes on sending garbage", async () => {
    const { socket, closed } = await opened();
    for (let i = 0; i <= limits.timeFaults; i += 1) socket.send(new Uint8Array(3));
    expect(await closed).toBe(1008);
  });

  it("closes on a message that is too large", async () => {
    const { socket, closed } = await opened();
    socket.send("x".repeat(limits.timeQuestionBytes + 1));
    expect(await closed).toBe(1009);
  });

  it("bounds a flood", async () => {
    const { socket, next, closed } = await opened();
    for (let i = 0; i < limits.timeBurst + limits.timeFaults + 10; i += 1) socket.send('{"region":"weur"}');
    const codes = new Set<unknown>();
    for (;;) {
      const said = await next();
      if (said === null) break;
      codes.add((said as { readonly problem?: Json }).problem?.["code"]);
    }
    expect(await closed).toBe(1008);
    expect(codes).toContain("rate-limited");
  });

  it("counts against the client's address too", async () => {
    const address = { "cf-connecting-ip": "203.0.113.9" };
    const { socket, next } = await opened(address);
    for (let i = 1; i < limits.timeBurst; i += 1) {
      socket.send("{}");
      await next();
    }
    socket.send("{}");
    expect(await next()).toMatchObject({ problem: { code: "rate-limited" } });
    await expectProblem(await get("/time", { ...address, upgrade: "websocket" }), 429, "rate-limited");
  });

  it("is refused while too many are open, and with parameters", async () => {
    const open = isolateMemory.time.sockets;
    isolateMemory.time.sockets = limits.timeSockets;
    await expectProblem(await get("/time", { upgrade: "websocket" }), 503, "overloaded");
    isolateMemory.time.sockets = open;
    await expectProblem(await get("/time?t1=1", { upgrade: "websocket" }), 400, "invalid-query");
  });

  it("gives its place back", async () => {
    const before = isolateMemory.time.sockets;
    const { socket, closed } = await opened();
    expect(isolateMemory.time.sockets).toBe(before + 1);
    socket.close(1000);
    await closed;
    await expect.poll(() => isolateMemory.time.sockets).toBe(before);
  });

  it("agrees to the subprotocol that carries a token", async () => {
    const response = await get("/time", { upgrade: "websocket", "sec-websocket-protocol": "synod, bearer.x" });
    expect(response.headers.get("sec-websocket-protocol")).toBe("synod");
    response.webSocket?.accept();
    response.webSocket?.close();
  });
});

it("the tests' deployment counts by the platform's binding", () => {
  expect(env.TIME_RATE).toBeDefined();
});
