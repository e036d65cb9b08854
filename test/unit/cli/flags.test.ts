/** The command line's flags: what is taken, and the one sentence for what is not. */
import { describe, expect, it } from "vitest";
import { readEndpoint, readFlags, readUrl, tokenOf } from "../../../src/cli/flags.ts";

describe("readFlags", () => {
  it("reads values, words and --help", () => {
    expect(readFlags(["from"], ["--from", "x", "verify", "file"], 2)).toEqual({
      help: false,
      values: { from: "x" },
      words: ["verify", "file"],
    });
    expect(readFlags(["from"], ["-h"])).toMatchObject({ help: true });
  });

  it.each([
    [["--form", "x"], "Unknown option '--form' (see --help)"],
    [["--from"], "Option '--from <value>' argument missing (see --help)"],
    [["a", "b"], '"b" is one argument too many (see --help)'],
  ])("refuses %j", (args, complaint) => {
    expect(() => readFlags(["from"], args, 1)).toThrow(complaint);
  });
});

describe("readEndpoint", () => {
  it.each([
    ["127.0.0.1:11123", "127.0.0.1", 11123],
    ["localhost:0", "127.0.0.1", 0],
    ["[::1]:123", "::1", 123],
  ])("takes %s", (text, address, port) => {
    expect(readEndpoint("--listen", text)).toEqual({ address, port });
  });

  it.each(["", "123", "127.0.0.1", "127.0.0.1:", ":123", "::1:123", "host:123", "127.0.0.1:65536", "127.0.0.1:-1"])(
    "refuses %j",
    (text) => {
      expect(() => readEndpoint("--listen", text)).toThrow("--listen must be an IP address and a port");
    },
  );
});

describe("readUrl", () => {
  it("takes a deployment's address", () => {
    expect(readUrl("--from", "https://synod.example/")).toBe("https://synod.example");
    expect(readUrl("--from", "http://127.0.0.1:8787")).toBe("http://127.0.0.1:8787");
  });

  it.each([
    [undefined, "--from is needed"],
    ["synod.example", "must be an http or https URL"],
    ["ftp://synod.example", "must be an http or https URL"],
    ["https://synod.example/ns/team", "without a path"],
    ["https://synod.example/?a", "without a path"],
    ["https://user:secret@synod.example", "put the token into SYNOD_TOKEN"],
  ])("refuses %j", (text, complaint) => {
    expect(() => readUrl("--from", text)).toThrow(complaint);
  });
});

it("tokenOf takes no empty token", () => {
  expect(tokenOf({})).toBeUndefined();
  expect(tokenOf({ SYNOD_TOKEN: "" })).toBeUndefined();
  expect(tokenOf({ SYNOD_TOKEN: "t" })).toBe("t");
});
