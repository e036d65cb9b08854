/** Whom an active check may ask: every disguise of what is not public is refused. */
import { describe, expect, it } from "vitest";
import { checkTarget } from "../../../src/registry/check-target.ts";
import type { CheckDefinition, CheckName } from "../../../src/registry/model.ts";

const common = {
  check: "c" as CheckName,
  name: "c",
  notes: "",
  deregisterAfterMs: null,
  intervalMs: 10_000,
  timeoutMs: 1000,
  successBeforePassing: 0,
  failuresBeforeCritical: 0,
};
type Http = Extract<CheckDefinition, { readonly kind: "http" }>;
const http = (url: string, more: Partial<Http> = {}): CheckDefinition => ({
  kind: "http",
  ...common,
  url,
  method: "GET",
  headers: {},
  body: "",
  ...more,
});
const tcp = (host: string): CheckDefinition => ({ kind: "tcp", ...common, host, port: 80 });
const strictly = { allowPrivate: false };
const privately = { allowPrivate: true };

const publicHosts = [
  "example.com",
  "EXAMPLE.com",
  "example.com.",
  "a-b.example.co.uk",
  "_srv.example.com",
  "xn--bcher-kva.example.com",
  "localhost.example.com",
  "8.8.8.8",
  "100.128.0.1",
  "172.32.0.1",
  "11.0.0.1",
  "192.169.0.1",
];
const publicIpv6 = ["2606:4700::1111", "2a00:1450:4001:81b::200e"];

/** Allowed where private networks are. */
const privateHosts = [
  "localhost",
  "LOCALHOST",
  "localhost.",
  "a.localhost",
  "printer.local",
  "db.internal",
  "metadata.google.internal",
  "metadata.google.internal.",
  "router.lan",
  "x.home.arpa",
  "db",
  "db.",
  "service.test",
  "127.0.0.1",
  "127.255.255.254",
  "10.0.0.1",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.0.1",
  "100.64.0.1",
  "100.127.255.255",
  // The same in other words.
  "127.1",
  "2130706433",
  "0x7f000001",
  "0x7f.1",
  "0x7f.0.0.0x1",
  "017700000001",
  "0177.0.0.1",
  "127.0.0.1.",
  "10.1",
  "3232235521",
];
const privateIpv6 = ["::1", "0:0:0:0:0:0:0:1", "fc00::1", "fd12:3456:789a::1"];

/** Allowed nowhere. */
const forbiddenHosts = [
  "169.254.169.254",
  "0xa9fea9fe",
  "2852039166",
  "169.254.43518",
  "0.0.0.0",
  "0",
  "0.1.2.3",
  "255.255.255.255",
  "224.0.0.1",
  "239.255.255.250",
  "240.0.0.1",
  "192.0.2.1",
  "198.51.100.7",
  "203.0.113.9",
  "198.18.0.1",
  "192.0.0.170",
  "192.88.99.1",
];
const forbiddenIpv6 = [
  "::",
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
  "::ffff:8.8.8.8",
  "::127.0.0.1",
  "::ffff:0:127.0.0.1",
  "64:ff9b::127.0.0.1",
  "64:ff9b:1::7f00:1",
  "2002:7f00:1::",
  "2002:a9fe:a9fe::1",
  "2001:0:4136:e378:8000:63bf:3fff:fdd2",
  "fe80::1",
  "fec0::1",
  "ff02::1",
  "2001:db8::1",
  "3fff::1",
  "100::1",
  "5f00::1",
  "4000::1",
  "e000::1",
];

const judged = (host: string, allowed: typeof strictly): readonly (string | null)[] => {
  const inUrl = host.includes(":") ? `[${host}]` : host;
  return [
    checkTarget(tcp(host), allowed),
    ...["http", "https"].flatMap((scheme) => [
      checkTarget(http(`${scheme}://${inUrl}`), allowed),
      checkTarget(http(`${scheme}://${inUrl}:8080/health?a=b`), allowed),
    ]),
  ];
};
const refused = expect.any(String) as unknown;
const all = (one: unknown): readonly unknown[] => Array.from({ length: 5 }, () => one);

describe("whom a check may ask", () => {
  it.each([...publicHosts, ...publicIpv6])("%s", (host) => {
    expect(judged(host, strictly)).toEqual(all(null));
  });

  it.each([...privateHosts, ...privateIpv6])("%s only where private networks are allowed", (host) => {
    expect(judged(host, strictly)).toEqual(all(refused));
    expect(judged(host, strictly).join()).toContain("SYNOD_CHECK_PRIVATE");
    expect(judged(host, privately)).toEqual(all(null));
  });

  it.each([...forbiddenHosts, ...forbiddenIpv6])("never %s", (host) => {
    expect(judged(host, strictly)).toEqual(all(refused));
    expect(judged(host, privately)).toEqual(all(refused));
  });

  it.each([
    "",
    "example.com",
    "//example.com",
    "http:",
    "http://",
    "http:///example.com",
    "http:example.com",
    "http:/example.com",
    "http:\\\\example.com",
    "http://example.com\\@127.0.0.1",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://user@example.com/",
    "http://user:pass@example.com/",
    "http://@example.com/",
    "http://:@example.com/",
    "http://example.com/#top",
    "http://example.com/#",
    "http://exa mple.com/",
    "http://example.com/a b",
    " http://example.com/",
    "http://example.com/\n",
    "ht\ntp://example.com/",
    "http://b\u00fccher.example.com/",
    "http://\u2460\u2461\u2466.0.0.1/",
    "http://example..com/",
    "http://-a.example.com/",
    "http://[::1/",
    "http://[fe80::1%25eth0]/",
    "http://[v1.a]/",
    `http://${"a".repeat(64)}.example.com/`,
    `http://example.com/${"a".repeat(2048)}`,
    "ftp://example.com/",
    "file:///etc/passwd",
    "ws://example.com/",
    "gopher://example.com/",
    "javascript:alert(1)",
    "data:text/plain,a",
    "unix:/run/a.sock",
    "blob:http://example.com/a",
  ])("no such url: %j", (url) => {
    expect(checkTarget(http(url), privately)).toEqual(refused);
  });

  it.each([
    "",
    " ",
    "a b",
    "exa/mple.com",
    "a@example.com",
    "example.com:80",
    "[::1]",
    "a..b.com",
    "fe80::1%eth0",
    "a#b",
  ])("no such host: %j", (host) => {
    expect(checkTarget(tcp(host), privately)).toEqual(refused);
  });

  it("takes a path, a query and a port", () => {
    expect(checkTarget(http("https://example.com:8443/a/../b?x=%2e&y=@"), strictly)).toBeNull();
  });
});

describe("how a check may ask", () => {
  it.each(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])("by %s", (method) => {
    expect(checkTarget(http("http://example.com/", { method }), strictly)).toBeNull();
  });
  it.each(["CONNECT", "TRACE", "TRACK", "FOO", ""])("never by %j", (method) => {
    expect(checkTarget(http("http://example.com/", { method }), strictly)).toContain("method");
  });
  it.each([
    ["GET", "a", refused],
    ["HEAD", "a", refused],
    ["POST", "a", null],
    ["POST", "", null],
  ])("by %s with the body %j", (method, body, expected) => {
    expect(checkTarget(http("http://example.com/", { method, body }), strictly)).toEqual(expected);
  });

  it.each(["Host", "connection", "Transfer-Encoding", "content-length", "Upgrade", "TE", "Proxy-Authorization"])(
    "never with the header %s",
    (name) => {
      expect(checkTarget(http("http://example.com/", { headers: { [name]: "x" } }), strictly)).toContain(name);
    },
  );
  it.each([
    "X-Forwarded-For",
    "CF-Connecting-IP",
    "Sec-WebSocket-Key",
    "Synod-Secret",
    "Via",
    "X-Real-IP",
    "Forwarded",
  ])("never with the header %s, which speaks for others", (name) => {
    expect(checkTarget(http("http://example.com/", { headers: { [name]: "x" } }), strictly)).toContain(name);
  });
  it("with its own headers, each once and not too many", () => {
    const judge = (headers: Http["headers"]) => checkTarget(http("http://example.com/", { headers }), strictly);
    expect(judge({ Authorization: "Bearer x", Accept: "*/*", "x-own": "" })).toBeNull();
    expect(judge({ "X-Own": "a", "x-own": "b" })).toContain("twice");
    const wide = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`x-${i}`, "v".repeat(512)]));
    expect(judge(wide)).toContain("bytes");
  });

  it("not for longer than a minute", () => {
    expect(checkTarget(http("http://example.com/", { intervalMs: 90_000, timeoutMs: 60_000 }), strictly)).toBeNull();
    expect(checkTarget(http("http://example.com/", { intervalMs: 90_000, timeoutMs: 60_001 }), strictly)).toContain(
      "60",
    );
  });

  it.each(["ttl", "alias", "plain"] as const)("does not concern a check of kind %s", (kind) => {
    expect(checkTarget({ ...common, kind } as unknown as CheckDefinition, strictly)).toBeNull();
  });
});
