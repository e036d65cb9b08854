/** The DNS bridge: what it keeps, what it asks, and what it says over real sockets to whatever comes. */
import packet from "dns-packet";
import fc from "fast-check";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Bridge } from "../../../src/cli/dns/bridge.ts";
import { bridgeLimits } from "../../../src/cli/dns/limits.ts";
import { serveDns } from "../../../src/cli/dns/server.ts";
import type { DnsServer } from "../../../src/cli/dns/server.ts";
import { upstreamOf } from "../../../src/cli/dns/upstream.ts";
import type { AskUpstream, UpstreamAnswer } from "../../../src/cli/dns/upstream.ts";
import { CommandError } from "../../../src/cli/errors.ts";
import { dnsCodes, dnsTypes, ednsUdpBytes, emptyReply, judgeQuery, placesIn } from "../../../src/wire/dns-message.ts";
import type { DnsCode, DnsQuery } from "../../../src/wire/dns-message.ts";
import { encodeReply } from "../../../src/wire/dns-writer.ts";

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** So many addresses, for 5 seconds. */
function replyTo(query: DnsQuery, count: number, code: DnsCode = dnsCodes.NOERROR): UpstreamAnswer {
  const answers = Array.from({ length: count }, (_, i) => ({
    name: query.question.name,
    ttl: 5,
    data: { type: "A" as const, address: Uint8Array.of(10, 0, i >> 8, i & 255) },
  }));
  const bytes = encodeReply(query, { ...emptyReply(code), answers });
  const places = placesIn(bytes);
  if (places === null) throw new Error("unreachable");
  return { bytes, places, ageSeconds: 0 };
}

function bridgeOf(ask: AskUpstream, datagramBytes = 65_535) {
  const time = { now: 1_000_000 };
  return { bridge: new Bridge({ ask, now: () => time.now, datagramBytes }), time };
}

interface Asked {
  readonly id?: number;
  readonly name?: string;
  readonly udp?: number;
  readonly dnssecOk?: boolean;
}
const questionOf = ({ id = 7, name = "web.service.synod", udp, dnssecOk = false }: Asked = {}) =>
  packet.encode({
    type: "query",
    id,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type: "A", name }],
    additionals:
      udp === undefined
        ? []
        : [
            {
              type: "OPT",
              name: ".",
              udpPayloadSize: udp,
              flags: dnssecOk ? packet.DNSSEC_OK : 0,
              options: [],
            } as never,
          ],
  });

const decoded = (bytes: Uint8Array | null) => (bytes === null ? null : packet.decode(Buffer.from(bytes)));
const codeOf = (bytes: Uint8Array | null): number => (bytes?.[3] ?? 255) & 15;

describe("Bridge", () => {
  it("asks once for as long as an answer holds, whoever asks, in whatever letters", async () => {
    let asked = 0;
    const { bridge, time } = bridgeOf(async (query) => {
      asked += 1;
      return replyTo(query, 1);
    });
    const first = decoded(await bridge.answer(questionOf(), "udp"));
    expect(first).toMatchObject({ id: 7, answers: [{ name: "web.service.synod", ttl: 5, data: "10.0.0.0" }] });
    time.now += 2_500;
    const second = decoded(await bridge.answer(questionOf({ id: 8, name: "WEB.service.synod" }), "tcp"));
    expect(second).toMatchObject({ id: 8, answers: [{ name: "WEB.service.synod", ttl: 3 }] });
    expect(asked).toBe(1);
    // Answers may differ for those who speak EDNS.
    await bridge.answer(questionOf({ udp: 1232 }), "udp");
    await bridge.answer(questionOf({ udp: 1232, dnssecOk: true }), "udp");
    expect(asked).toBe(3);
    time.now += 2_500;
    await bridge.answer(questionOf(), "udp");
    expect(asked).toBe(4);
    expect(bridge.counts).toMatchObject({ answered: 5, fromCache: 1 });
  });

  it("knows how old an answer was when it came", async () => {
    const { bridge, time } = bridgeOf(async (query) => ({ ...replyTo(query, 1), ageSeconds: 4 }));
    expect(decoded(await bridge.answer(questionOf(), "udp"))).toMatchObject({ answers: [{ ttl: 1 }] });
    time.now += 1_000;
    await bridge.answer(questionOf(), "udp");
    expect(bridge.counts.fromCache).toBe(0);
  });

  it("asks once for what many ask at the same time, and not for too much at once", async () => {
    const answers: (() => void)[] = [];
    const { bridge } = bridgeOf(
      async (query) => new Promise((resolve) => answers.push(() => resolve(replyTo(query, 1)))),
    );
    const same = Array.from({ length: 1_000 }, async (_, id) => bridge.answer(questionOf({ id }), "udp"));
    expect(answers).toHaveLength(1);
    const others = Array.from({ length: bridgeLimits.questions }, async (_, i) =>
      bridge.answer(questionOf({ name: `n${i}.service.synod` }), "udp"),
    );
    expect(answers).toHaveLength(bridgeLimits.questions);
    for (const answer of answers) answer();
    const ids = (await Promise.all(same)).map((bytes) => decoded(bytes)?.id);
    expect(ids).toEqual(Array.from({ length: 1_000 }, (_, id) => id));
    const codes = (await Promise.all(others)).map(codeOf);
    expect(codes.filter((code) => code === dnsCodes.SERVFAIL)).toHaveLength(1);
    // And again, now that there is room.
    const again = bridge.answer(questionOf({ name: "later.service.synod" }), "udp");
    answers.at(-1)?.();
    expect(codeOf(await again)).toBe(0);
  });

  it("says SERVFAIL when nobody answers, and asks again the next time", async () => {
    let asked = 0;
    const { bridge } = bridgeOf(async () => {
      asked += 1;
      return null;
    });
    expect(decoded(await bridge.answer(questionOf({ id: 9 }), "udp"))).toMatchObject({ id: 9, rcode: "SERVFAIL" });
    expect(codeOf(await bridge.answer(questionOf(), "udp"))).toBe(dnsCodes.SERVFAIL);
    expect(asked).toBe(2);
  });

  it.each([dnsCodes.SERVFAIL, dnsCodes.REFUSED])("keeps no answer with code %i", async (code) => {
    const { bridge } = bridgeOf(async (query) => replyTo(query, 1, code));
    for (let i = 0; i < 2; i += 1) expect(codeOf(await bridge.answer(questionOf(), "udp"))).toBe(code);
    expect(bridge.counts.fromCache).toBe(0);
  });

  it("remembers no more than it may", async () => {
    const { bridge } = bridgeOf(async (query) => replyTo(query, 1));
    for (let i = 0; i <= bridgeLimits.answers; i += 1) await bridge.answer(questionOf({ name: `n${i}.synod` }), "udp");
    await bridge.answer(questionOf({ name: `n${bridgeLimits.answers}.synod` }), "udp");
    expect(bridge.counts.fromCache).toBe(1);
    await bridge.answer(questionOf({ name: "n0.synod" }), "udp");
    expect(bridge.counts.fromCache).toBe(1);
  });

  it("cuts what does not fit into a datagram, and only there", async () => {
    const { bridge } = bridgeOf(async (query) => replyTo(query, 200), ednsUdpBytes);
    const plain = await bridge.answer(questionOf(), "udp");
    expect([plain?.length, decoded(plain)?.flag_tc]).toEqual([35 + 29 * 16, true]);
    const larger = await bridge.answer(questionOf({ udp: 1000 }), "udp");
    expect([larger?.length, decoded(larger)?.answers?.length]).toEqual([35 + 59 * 16 + 11, 59]);
    const most = await bridge.answer(questionOf({ udp: 65_535 }), "udp");
    expect(most?.length).toBeLessThanOrEqual(ednsUdpBytes);
    const least = await bridge.answer(questionOf({ udp: 0x10 }), "udp");
    expect(least?.length).toBeGreaterThan(480);
    const whole = decoded(await bridge.answer(questionOf(), "tcp"));
    expect([whole?.flag_tc, whole?.answers?.length]).toEqual([false, 200]);
  });

  it("answers whatever comes with a message of the same id, or with silence", async () => {
    const { bridge } = bridgeOf(async (query) => replyTo(query, 1));
    const good = questionOf({ udp: 1232 });
    const mutated = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }).map((changes) => {
      const bytes = Uint8Array.from(good);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 100 }), mutated), async (bytes) => {
        const answer = await bridge.answer(bytes, "udp");
        const isQuestion = bytes.length >= 12 && ((bytes[2] ?? 0) & 0x80) === 0;
        expect(answer !== null).toBe(isQuestion);
        if (answer === null) return;
        expect([answer[0], answer[1], (answer[2] ?? 0) & 0x80]).toEqual([bytes[0], bytes[1], 0x80]);
      }),
      { numRuns: 1_000 },
    );
  });
});

async function bridgeAt(ask: AskUpstream): Promise<DnsServer> {
  const server = await serveDns({ address: "127.0.0.1", port: 0 }, bridgeOf(ask).bridge, () => undefined);
  stops.push(server.stop);
  return server;
}

const framed = (message: Uint8Array): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
};

/** What comes back over one connection until it is closed, or until so many messages are there. */
async function overTcp(
  port: number,
  chunks: readonly Uint8Array[],
  count = Infinity,
  end = false,
): Promise<readonly packet.DecodedPacket[]> {
  const socket = connect(port, "127.0.0.1");
  const messages: packet.DecodedPacket[] = [];
  let rest = Buffer.alloc(0);
  const done = new Promise<void>((resolve) => {
    socket.on("error", () => undefined);
    socket.on("close", resolve);
    socket.on("data", (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes]);
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const size = 2 + rest.readUInt16BE(0);
        messages.push(packet.decode(rest.subarray(2, size)));
        rest = rest.subarray(size);
      }
      if (messages.length >= count) resolve();
    });
  });
  for (const chunk of chunks) {
    socket.write(chunk);
    await new Promise(setImmediate);
  }
  if (end) socket.end();
  await done;
  socket.destroy();
  return messages;
}

async function overUdp(port: number, message: Uint8Array): Promise<packet.DecodedPacket> {
  const socket = createSocket("udp4");
  const answered = once(socket, "message") as Promise<[Buffer]>;
  socket.send(message, port, "127.0.0.1");
  const [bytes] = await answered;
  socket.close();
  return packet.decode(bytes);
}

describe("the bridge's sockets", () => {
  it("answer over UDP and TCP at one port, garbage or not before", async () => {
    const { endpoint } = await bridgeAt(async (query) => replyTo(query, 40));
    const garbage = createSocket("udp4");
    for (const bytes of [new Uint8Array(0), new Uint8Array(5), new Uint8Array(600).fill(255)])
      garbage.send(bytes, endpoint.port, "127.0.0.1");
    expect(await overUdp(endpoint.port, questionOf({ id: 3 }))).toMatchObject({ id: 3, flag_tc: true });
    garbage.close();
    const [whole] = await overTcp(endpoint.port, [framed(questionOf({ id: 4 }))], 1);
    expect([whole?.id, whole?.flag_tc, whole?.answers?.length]).toEqual([4, false, 40]);
  });

  it("take several questions on one connection, in any pieces, and answer as they can", async () => {
    const { endpoint } = await bridgeAt(async (query) => {
      if (query.question.name[0] === "slow") await new Promise((resolve) => setTimeout(resolve, 50));
      return replyTo(query, 1);
    });
    const bytes = Buffer.concat(
      ["slow", "a", "b"].map((name, id) => framed(questionOf({ id, name: `${name}.synod` }))),
    );
    const pieces = [...bytes].map((byte) => Uint8Array.of(byte));
    const found = await overTcp(endpoint.port, pieces, Infinity, true);
    expect(found.map(({ id }) => id)).toEqual([1, 2, 0]);
  });

  it("answer more questions than may wait at once, all of them", async () => {
    const { endpoint } = await bridgeAt(async (query) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return replyTo(query, 1);
    });
    const count = 3 * bridgeLimits.pipelined;
    const all = Buffer.concat(
      Array.from({ length: count }, (_, id) => framed(questionOf({ id, name: `n${id}.synod` }))),
    );
    const found = await overTcp(endpoint.port, [all], Infinity, true);
    expect(found.map(({ id }) => id).toSorted((a, b) => (a ?? 0) - (b ?? 0))).toEqual(
      Array.from({ length: count }, (_, id) => id),
    );
  });

  it("hang up on what is no question", async () => {
    const { endpoint } = await bridgeAt(async (query) => replyTo(query, 1));
    for (const bytes of [framed(new Uint8Array(0)), framed(new Uint8Array(11)), framed(new Uint8Array(600).fill(255))])
      expect(await overTcp(endpoint.port, [bytes])).toEqual([]);
    expect(await overTcp(endpoint.port, [framed(questionOf()).subarray(0, 9)], Infinity, true)).toEqual([]);
    expect(await overTcp(endpoint.port, [framed(new Uint8Array(12))], 1)).toMatchObject([{ rcode: "FORMERR" }]);
    expect(await overTcp(endpoint.port, [framed(questionOf())], 1)).toHaveLength(1);
  });

  it("refuse an address where something else listens", async () => {
    const { endpoint } = await bridgeAt(async () => null);
    await expect(serveDns(endpoint, bridgeOf(async () => null).bridge, () => undefined)).rejects.toThrow(CommandError);
    const taken = createSocket("udp4");
    taken.bind(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address();
    await expect(
      serveDns({ address: "127.0.0.1", port }, bridgeOf(async () => null).bridge, () => undefined),
    ).rejects.toThrow(`cannot listen on 127.0.0.1:${port}: something else listens there`);
    taken.close();
  });
});

type Deployment = (request: IncomingMessage, body: Buffer, response: ServerResponse) => void;

async function deployment(answer: Deployment): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => answer(request, Buffer.concat(chunks), response));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stops.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/dns-query`;
}

const dnsMessage = { "content-type": "application/dns-message" };
const asked: DnsQuery = {
  header: { id: 5, opcode: 0, recursionDesired: true, checkingDisabled: false },
  question: { name: ["web", "service", "synod"], type: dnsTypes.A, class: 1 },
  edns: null,
};
const good: Deployment = (_, body, response) => {
  const judged = judgeQuery(body);
  if (judged.type !== "query") throw new Error("not a question");
  response.writeHead(200, { ...dnsMessage, age: "2" }).end(replyTo(judged.query, 1).bytes);
};

describe("upstreamOf", () => {
  it("sends the question with id 0 and the token, and reads the answer and its age", async () => {
    const seen: unknown[] = [];
    const url = await deployment((request, body, response) => {
      seen.push([
        request.method,
        request.url,
        request.headers["content-type"],
        request.headers.authorization,
        body.readUInt16BE(0),
      ]);
      good(request, body, response);
    });
    const found = await upstreamOf({ urls: [url], token: "secret", log: () => undefined })(asked);
    expect(seen).toEqual([["POST", "/dns-query", "application/dns-message", "Bearer secret", 0]]);
    expect(found).toMatchObject({ ageSeconds: 2, places: { question: asked.question } });
  });

  it.each<[string, Deployment, string]>([
    [
      "a problem",
      (_, __, response) => response.writeHead(401, { "content-type": "application/problem+json" }).end("{}"),
      "answers 401",
    ],
    [
      "a page",
      (_, __, response) => response.writeHead(200, { "content-type": "text/html" }).end("<p>"),
      "not a DNS message",
    ],
    [
      "another question's answer",
      (_, __, response) =>
        response
          .writeHead(200, dnsMessage)
          .end(replyTo({ ...asked, question: { ...asked.question, type: 28 } }, 1).bytes),
      "another question",
    ],
    [
      "half an answer",
      (_, __, response) => response.writeHead(200, dnsMessage).end(replyTo(asked, 1).bytes.slice(0, -1)),
      "another question",
    ],
    [
      "too much",
      (_, __, response) => response.writeHead(200, dnsMessage).end(Buffer.alloc(70_000)),
      "another question",
    ],
    [
      "a redirection",
      (_, __, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
      "cannot be reached",
    ],
    ["nothing", (_, __, response) => response.destroy(), "cannot be reached"],
  ])("does not take %s: it says so once, asks the next, and asks the first again later", async (_, bad, why) => {
    const lines: string[] = [];
    const counts = { bad: 0, good: 0 };
    const urls = [
      await deployment((...of) => {
        counts.bad += 1;
        bad(...of);
      }),
      await deployment((...of) => {
        counts.good += 1;
        good(...of);
      }),
    ];
    const ask = upstreamOf({ urls, token: undefined, log: (line) => lines.push(line) });
    for (let i = 0; i < 3; i += 1) expect(await ask(asked)).not.toBeNull();
    expect(counts).toEqual({ bad: 1, good: 3 });
    expect(lines).toEqual([expect.stringContaining(why)]);
    const alone = upstreamOf({ urls: urls.slice(0, 1), token: undefined, log: () => undefined });
    expect(await alone(asked)).toBeNull();
  });

  it("waits for a silent one no longer than for an answer, and less if there is another", async () => {
    const silent = await deployment(() => undefined);
    const started = performance.now();
    const lines: string[] = [];
    const ask = upstreamOf({
      urls: [silent, await deployment(good)],
      token: undefined,
      log: (line) => lines.push(line),
    });
    expect(await ask(asked)).not.toBeNull();
    expect(performance.now() - started).toBeGreaterThanOrEqual(bridgeLimits.attemptMs - 1);
    expect(lines).toEqual([`${silent} does not answer in time`]);
  });
});
