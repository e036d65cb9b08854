/** The DNS door through the real objects: messages by GET and POST, JSON, and what is refused with which code. */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { byteString } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import { dnsTypes, placesIn, uint16 } from "../../src/wire/dns-message.ts";
import type { DnsQuery } from "../../src/wire/dns-message.ts";
import { encodeQuery } from "../../src/wire/dns-writer.ts";
import gateway from "../../workers/gateway.ts";
import { answerDns } from "../../workers/dns/answer.ts";
import { expectProblem, freshNamespace, get, jsonIn, putJson, send, until } from "./api.ts";
import { visitWith } from "./visits.ts";

const ns = freshNamespace();
const type = { "content-type": "application/dns-message" };
const patience = { timeout: 8_000, interval: 50 };
const maxAge = `private, max-age=${limits.lookupMaxAgeSeconds}`;

beforeAll(async () => {
  const web = { port: 8080, ttl: 600, tags: ["v1"], meta: { zone: "a" } };
  await putJson(`${ns}/services/web/a`, { ...web, address: "10.0.0.1", region: "weur" });
  await putJson(`${ns}/services/web/b`, { ...web, address: "10.0.0.2", region: "enam", tags: ["v2"] });
  await putJson(`${ns}/services/web/c`, { ...web, address: "2001:db8::3", region: "oc", protocol: "udp" });
  await putJson(`${ns}/services/named/n`, { ...web, address: "db.example.com" });
  // The nearest replica answers, which hears of writes a moment later.
  await until("the last write", async () => ((await data("named.service.synod", "SRV")).length === 1 ? true : null));
});

const question = (name: string, kind: keyof typeof dnsTypes = "A", change: Partial<DnsQuery> = {}): DnsQuery => ({
  header: { id: 0, opcode: 0, recursionDesired: true, checkingDisabled: false },
  question: { name: name.split("."), type: dnsTypes[kind], class: 1 },
  edns: null,
  ...change,
});

const base64url = (bytes: Uint8Array): string =>
  btoa(byteString(bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const post = async (bytes: Uint8Array<ArrayBuffer>, path = `${ns}/dns-query`, headers = type): Promise<Response> =>
  send("POST", path, { headers, body: bytes });

interface Told {
  readonly Status: number;
  readonly Answer?: readonly {
    readonly name: string;
    readonly type: number;
    readonly TTL: number;
    readonly data: string;
  }[];
  readonly Authority?: Told["Answer"];
  readonly Additional?: Told["Answer"];
}

const told = async (name: string, kind = "A", where = ns): Promise<Told> => {
  const response = await get(`${where}/dns-query?name=${name}&type=${kind}`, { accept: "application/dns-json" });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/dns-json");
  return (await jsonIn(response)) as unknown as Told;
};
const data = async (name: string, kind = "A"): Promise<readonly string[]> =>
  ((await told(name, kind)).Answer ?? []).map((one) => one.data);

describe("/dns-query in messages", () => {
  it("answers GET and POST alike, with the question's id and letters", async () => {
    const asked = question("wEb.service.synod", "A", {
      header: { id: 77, opcode: 0, recursionDesired: true, checkingDisabled: true },
    });
    const bytes = encodeQuery(asked);
    const responses = [await get(`${ns}/dns-query?dns=${base64url(bytes)}`), await post(bytes)];
    for (const response of responses) {
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("application/dns-message");
      expect(response.headers.get("cache-control")).toBe(maxAge);
      expect(response.headers.get("synod-consistency")).toBe("local");
      const answer = await response.bytes();
      expect(uint16(answer, 0)).toBe(77);
      // An answer, authoritative, recursion was desired, checking disabled, NOERROR.
      expect(uint16(answer, 2)).toBe(0x8510);
      const places = placesIn(answer);
      expect(places?.question).toEqual(asked.question);
      expect([places?.answers.length, places?.authorities.length]).toEqual([2, 0]);
      expect(answer.slice(-4).slice(0, 3)).toEqual(Uint8Array.of(10, 0, 0));
    }
  });

  it("answers HEAD by GET's headers", async () => {
    const response = await send("HEAD", `${ns}/dns-query?dns=${base64url(encodeQuery(question("synod", "SOA")))}`);
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  it.each([
    ["an unknown service", encodeQuery(question("nobody.service.synod")), 3, maxAge],
    ["another zone", encodeQuery(question("example.com")), 5, "no-store"],
    ["the root", encodeQuery({ ...question("x"), question: { name: [], type: 2, class: 1 } }), 5, "no-store"],
    ["a transfer", encodeQuery(question("synod", "AXFR")), 5, "no-store"],
    [
      "another class",
      encodeQuery({ ...question("x"), question: { name: ["synod"], type: 6, class: 3 } }),
      5,
      "no-store",
    ],
    ["another opcode", Uint8Array.from([0, 1, 0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 4, "no-store"],
    ["no question", Uint8Array.from([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 1, "no-store"],
    ["half a question", encodeQuery(question("web.service.synod")).slice(0, -1), 1, "no-store"],
  ])("answers %s with its code, over HTTP's 200", async (_, bytes, code, cacheControl) => {
    const response = await post(bytes);
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe(cacheControl);
    expect(uint16(await response.bytes(), 2) & 15).toBe(code);
  });

  it("says which version of EDNS it speaks", async () => {
    const bytes = encodeQuery(
      question("web.service.synod", "A", { edns: { udpBytes: 4096, version: 0, dnssecOk: true } }),
    );
    const answer = await (await post(bytes)).bytes();
    expect(answer.slice(-11)).toEqual(Uint8Array.of(0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0));
    bytes[bytes.length - 5] = 1;
    const refused = await (await post(bytes)).bytes();
    expect(refused.slice(-11)).toEqual(Uint8Array.of(0, 0, 41, 4, 208, 1, 0, 0x80, 0, 0, 0));
  });

  it.each([
    ["?dns=", 400, "invalid-body"],
    ["?dns=AAAA", 400, "invalid-body"],
    ["?dns=AAABAAABAAAAAAAA!", 400, "invalid-query"],
    ["?dns=AAABAAABAAAAAAAAA", 400, "invalid-query"],
    ["?dns=AAABAAABAAAAAAAA==", 400, "invalid-query"],
    [`?dns=${"A".repeat(5_600)}`, 413, "too-large"],
    ["?dns=AAAA&name=a", 400, "invalid-query"],
    ["?dns=AAAA&dns=AAAA", 400, "invalid-query"],
    ["", 400, "invalid-query"],
    ["?name=a..b", 400, "invalid-query"],
    ["?name=a&type=bogus", 400, "invalid-query"],
    ["?name=a&other=1", 400, "invalid-query"],
  ])("refuses GET %s over HTTP", async (query, status, code) => {
    await expectProblem(await get(`/dns-query${query}`), status, code);
  });

  it("refuses other bodies, methods and paths over HTTP", async () => {
    const bytes = encodeQuery(question("web.service.synod"));
    await expectProblem(await post(bytes, "/dns-query?x=1"), 400, "invalid-query", "not-applied");
    await expectProblem(await post(new Uint8Array(11)), 400, "invalid-body", "not-applied");
    await expectProblem(
      await post(Uint8Array.from(bytes, (byte, at) => (at === 2 ? 0x80 : byte))),
      400,
      "invalid-body",
      "not-applied",
    );
    await expectProblem(await post(new Uint8Array(limits.dnsQuestionBytes + 1)), 413, "body-too-large", "not-applied");
    const json = { "content-type": "application/dns-json" };
    await expectProblem(await post(bytes, "/dns-query", json), 415, "unsupported-media-type", "not-applied");
    const put = await send("PUT", "/dns-query", { headers: type, body: bytes });
    expect(put.headers.get("allow")).toBe("GET, HEAD, POST");
    await expectProblem(put, 405, "method-not-allowed", "not-applied");
    await expectProblem(await get("/dns-query/x"), 404, "not-found");
  });

  it("answers or refuses any bytes", async () => {
    const whole = encodeQuery(
      question("web.service.synod", "ANY", { edns: { udpBytes: 1232, version: 0, dnssecOk: false } }),
    );
    for (let i = 0; i < 200; i += 1) {
      const bytes = crypto.getRandomValues(new Uint8Array(whole.length));
      const mixed = whole.map((byte, at) => (i % 2 === 0 && (bytes[at] ?? 0) > 16 ? byte : (bytes[at] ?? 0)));
      expect([200, 400]).toContain((await post(mixed)).status);
    }
  });
});

describe("/dns-query as JSON", () => {
  it("finds a service by tag, protocol and region, in both zones", async () => {
    expect([...(await data("web.service.synod"))].toSorted()).toEqual(["10.0.0.1", "10.0.0.2"]);
    expect(await data("web.service.consul", "AAAA")).toEqual(["2001:db8::3"]);
    expect(await data("V1.Web.service.synod")).toEqual(["10.0.0.1"]);
    expect(await data("_web._v2.service.synod")).toEqual(["10.0.0.2"]);
    expect(await data("web.service.weur.synod")).toEqual(["10.0.0.1"]);
    expect(await data("web.service.oc.synod", "AAAA")).toEqual(["2001:db8::3"]);
    expect(await data("_web._tcp.service.synod", "SRV")).toHaveLength(2);
    expect(await data("named.service.synod")).toEqual(["db.example.com."]);
    expect(await told("web.service.apac.synod")).toMatchObject({ Status: 3 });
    expect(await told("v9.web.service.synod")).toMatchObject({ Status: 3 });
  });

  it("gives SRV targets that can be resolved", async () => {
    const { Answer, Additional } = await told("web.service.weur.synod", "SRV");
    const [, weight, port, target = ""] = (Answer?.[0]?.data ?? "").split(" ");
    expect([weight, port, target]).toEqual(["1", "8080", "0a000001.addr.synod."]);
    expect(Additional).toEqual([{ name: target, type: 1, TTL: limits.lookupMaxAgeSeconds, data: "10.0.0.1" }]);
    expect(await data(target)).toEqual(["10.0.0.1"]);
    expect(await data("web.service.weur.synod", "TXT")).toEqual(['"instance=a" "region=weur" "tag=v1" "meta.zone=a"']);
    expect(await data("named.service.synod", "SRV")).toEqual(
      ["1 1 8080 db.example.com."].map((line) => expect.stringContaining(line.slice(2)) as string),
    );
  });

  it("tells names that are not there from names that have nothing", async () => {
    const soa = { Authority: [{ name: "synod.", type: 6, TTL: limits.lookupMaxAgeSeconds }] };
    expect(await told("web.service.synod", "MX")).toMatchObject({ Status: 0, ...soa });
    expect(await told("service.synod")).toMatchObject({ Status: 0, ...soa });
    expect(await told("nobody.service.synod")).toMatchObject({ Status: 3, ...soa });
    expect(await told("nobody.node.synod")).toMatchObject({ Status: 3, ...soa });
    expect(await told("example.com")).toEqual({
      Status: 5,
      TC: false,
      RD: true,
      RA: false,
      AD: false,
      CD: false,
      Question: [{ name: "example.com.", type: 1 }],
    });
  });

  it("finds a node, by whatever letters, and an instance that is where its node is", async () => {
    const node = {
      Node: "DB1",
      Address: "10.0.0.7",
      NodeMeta: { role: "db" },
      Service: { Service: "onnode", Port: 5432 },
    };
    const registered = await send("PUT", `${ns}/v1/catalog/register`, { body: JSON.stringify(node) });
    expect([registered.status, await registered.text()]).toEqual([200, expect.stringContaining("true")]);
    await expect.poll(async () => data("db1.node.consul"), patience).toEqual(["10.0.0.7"]);
    expect(await data("DB1.node.synod", "TXT")).toEqual(['"role=db"']);
    expect(await data("onnode.service.synod")).toEqual(["10.0.0.7"]);
    expect(await data("onnode.service.synod", "SRV")).toEqual([
      expect.stringMatching(/^\d 1 5432 0a000007\.addr\.synod\.$/),
    ]);
  });

  it("knows nothing of other namespaces", async () => {
    expect(await told("web.service.synod", "A", freshNamespace())).toMatchObject({ Status: 3 });
  });

  it("leaves out who is gone", async () => {
    await putJson(`${ns}/services/brief/brief`, { address: "10.0.0.9", port: 1, ttl: 600 });
    await expect.poll(async () => data("brief.service.synod"), patience).toEqual(["10.0.0.9"]);
    await send("DELETE", `${ns}/services/brief/brief`);
    await expect.poll(async () => told("brief.service.synod"), patience).toMatchObject({ Status: 3 });
  });
});

describe("a replica", () => {
  it("that nobody reaches makes SERVFAIL, and a reason", async () => {
    const visit = visitWith(() => ({ call: async () => Promise.resolve(null) }));
    const { question: asked } = question("web.service.synod");
    const { reply, comment } = await answerDns(visit, asked);
    expect(reply.code).toBe(2);
    expect(comment).toBe("no-quorum: no replica answered in time");
  });

  it("that hears of no other marks what it says", async () => {
    const visit = visitWith(
      (real) => ({
        ...real,
        async call(port, address, payload, timeoutMs) {
          const reply = await real.call(port, address, payload, timeoutMs);
          return (reply ?? "").replace(/"ageMs":\d+/, '"ageMs":60000');
        },
      }),
      ns,
    );
    const { reply, headers } = await answerDns(visit, question("web.service.synod").question);
    expect(reply).toMatchObject({ code: 0, remark: "stale" });
    expect(headers["synod-stale"]).toBe("true");
  });
});

it("asks for the token, as every door does", async () => {
  const closed = { ...env, SYNOD_OPEN: "", SYNOD_TOKEN: "right" };
  const ask = async (headers = {}): Promise<Response> =>
    gateway.fetch(
      new Request("http://synod.test/dns-query?name=synod&type=SOA", { headers }),
      closed,
      createExecutionContext(),
    );
  await expectProblem(await ask(), 401, "unauthorized");
  expect((await ask({ authorization: "Bearer right" })).status).toBe(200);
});
