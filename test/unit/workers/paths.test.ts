/** Paths and queries as they were sent: nothing swallowed, nothing decoded twice. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byteString } from "../../../src/support/bytes.ts";
import { decisionIdIn, instanceIn, keyIn, serviceIn } from "../../../workers/gateway/names.ts";
import { namespaceOf, partsOf, pathBytes, percentDecoded } from "../../../workers/gateway/paths.ts";
import { Query } from "../../../workers/gateway/query.ts";
import { codeOf } from "./problem.ts";

describe("the parts of a URL", () => {
  it.each([
    ["http://h/kv/a?b=c", { namespace: null, door: "/kv/a", query: "b=c" }],
    ["http://h/ns/team-1/kv/a%2Fb", { namespace: "team-1", door: "/kv/a%2Fb", query: "" }],
    ["http://h/kv/a/../b", { namespace: null, door: "/kv/a/../b", query: "" }],
    ["http://h/kv/a\\b", { namespace: null, door: "/kv/a\\b", query: "" }],
    ["https://h:1/ns/x", { namespace: "x", door: "/", query: "" }],
    ["http://h/ns", { namespace: null, door: "/ns", query: "" }],
    ["http://h/ns/", { namespace: "", door: "/", query: "" }],
    ["http://h", { namespace: null, door: "/", query: "" }],
    ["http://h/ns/a/ns/b/kv/c", { namespace: "a", door: "/ns/b/kv/c", query: "" }],
    ["http://h/kv//a?x=?&y=/", { namespace: null, door: "/kv//a", query: "x=?&y=/" }],
  ])("%s", (url, parts) => {
    expect(partsOf(url)).toEqual(parts);
  });

  it("names the namespace, or the default one", () => {
    expect(namespaceOf("http://h/kv/a")).toBe("default");
    expect(namespaceOf(`http://h/ns/${"a".repeat(63)}/kv/a`)).toHaveLength(63);
  });

  it.each(["", "A", "-a", "a-", "a_b", "%61", "a".repeat(64)])("refuses the namespace %j", (name) => {
    expect(codeOf(() => namespaceOf(`http://h/ns/${name}/kv/a`))).toBe("invalid-namespace");
  });
});

describe("percent-decoding", () => {
  it("gives every byte back", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
        expect(percentDecoded(text)).toEqual(bytes);
      }),
    );
  });

  it("leaves a plus alone in paths, and reads it as a space in queries", () => {
    expect(percentDecoded("a+b")).toEqual(Uint8Array.of(0x61, 0x2b, 0x62));
    expect(percentDecoded("a+b", " ")).toEqual(Uint8Array.of(0x61, 0x20, 0x62));
  });

  it.each(["%", "%4", "%zz", "a%", "%%41", "é", "a b", "\u007f"])("refuses %j", (text) => {
    expect(percentDecoded(text)).toBeNull();
  });

  it.each([".", "..", "a/../b", "a/.", "%2e", "%2E%2e/x", "a/.%2e", "./a"])("refuses the segments of %j", (rest) => {
    expect(codeOf(() => pathBytes(rest))).toBe("invalid-path");
  });

  it.each(["...", ".a", "a..b", "a/...", "..a/b", "%2ea", "a%2F..%2Fb"])("takes %j", (rest) => {
    expect(codeOf(() => pathBytes(rest))).toBe("none");
  });
});

describe("names", () => {
  it("takes a slash in a key either way", () => {
    expect(keyIn("a%2Fb")).toEqual(keyIn("a/b"));
    expect(keyIn("a/b").stored).toBe("ka/b");
  });

  it("takes any byte in a key", () => {
    expect(keyIn("%00%ff").bytes).toEqual(Uint8Array.of(0, 255));
    expect(byteString(keyIn("%F0%9F%98%80").bytes)).toHaveLength(4);
  });

  it("counts a key's bytes, not its escapes", () => {
    expect(codeOf(() => keyIn("%61".repeat(1024)))).toBe("none");
    expect(codeOf(() => keyIn("a".repeat(1025)))).toBe("invalid-key");
    expect(codeOf(() => keyIn(""))).toBe("invalid-key");
  });

  it.each(["", "%00", "%0a", "%ff", "a".repeat(257)])("refuses the decision id %j", (rest) => {
    expect(codeOf(() => decisionIdIn(rest))).toBe("invalid-name");
  });

  it("reads a decision's id as text", () => {
    expect(decisionIdIn("a/%C3%A9%20b")).toBe("a/é b");
  });

  it.each(["", "-a", "a.b", "%00", "a".repeat(64), "a%20b"])("refuses the service %j", (rest) => {
    expect(codeOf(() => serviceIn(rest))).toBe("invalid-name");
  });

  it("takes services in either case as one", () => {
    expect(serviceIn("Web")).toBe("web");
  });

  it.each(["", "a%2Fb", "a%20b", "%ff", "a".repeat(129)])("refuses the instance %j", (rest) => {
    expect(codeOf(() => instanceIn(rest))).toBe("invalid-name");
  });
});

describe("queries", () => {
  const query = (text: string): Query => new Query(`http://h/kv?${text}`, ["a", "b"]);

  it("reads bytes, text, numbers and flags", () => {
    expect(query("a=%ff+").bytes("a")).toEqual(Uint8Array.of(255, 32));
    expect(query("a=%C3%A9&b=").text("a", 1)).toBe("é");
    expect(query("b=").text("b", 1)).toBe("");
    expect(query("a").text("a", 1)).toBe("");
    expect(query("a=0").whole("a", 0)).toBe(0);
    expect(query("a=true").flag("a")).toBe(true);
    expect(query("").flag("a")).toBe(false);
    expect(query("").whole("a", 0)).toBeNull();
  });

  it.each(["c=1", "a=1&a=1", "a=%zz", "%ff=1", "a=é", "A=1", `a=${"x".repeat(8192)}`])("refuses %j", (text) => {
    expect(codeOf(() => query(text))).toBe("invalid-query");
  });

  it.each(["-1", "1.5", "1e3", "01", "+1", " 1", "x", "", "9007199254740992", "99999999999999999999", "0x1"])(
    "refuses the number %j",
    (text) => {
      expect(codeOf(() => query(`a=${encodeURIComponent(text)}`).whole("a", 0))).toBe("invalid-query");
    },
  );

  it("keeps numbers, texts and flags within their bounds", () => {
    expect(codeOf(() => query("a=0").whole("a", 1))).toBe("invalid-query");
    expect(codeOf(() => query("a=11").whole("a", 1, 10))).toBe("invalid-query");
    expect(codeOf(() => query("a=ab").text("a", 1))).toBe("invalid-query");
    expect(codeOf(() => query("a=%ff").text("a", 1))).toBe("invalid-query");
    expect(codeOf(() => query("a=1").flag("a"))).toBe("invalid-query");
  });
});
