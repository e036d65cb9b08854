/** JSON as Go's decoder takes it from a stream: value after value, wherever the stream is cut. */
import { describe, expect, it } from "vitest";
import { NumberText, parseExactly, Values } from "../../workers/etcd/json.ts";
import { Message } from "../../workers/etcd/message.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function cut(parts: readonly Uint8Array[], atMost = 1000): readonly string[] {
  const values = new Values(atMost);
  const texts = parts.flatMap((part) => [...values.take(part)]);
  const last = values.end();
  return last === null ? texts : [...texts, last];
}

describe("values", () => {
  const expected = ['{"a":"}\\"{","b":[1,{}]}', '"x\\\\"', "12", "true", "[[]]", "{}"];
  const text = ` ${expected.slice(0, 2).join("")}\n${expected.slice(2).join(" ")}\t`;

  it("are the same wherever the stream is cut", () => {
    const all = bytes(text);
    expect(cut([all])).toEqual(expected);
    expect(cut([...all].map((byte) => Uint8Array.of(byte)))).toEqual(expected);
    for (let at = 0; at <= all.length; at += 1) expect(cut([all.subarray(0, at), all.subarray(at)])).toEqual(expected);
  });

  it.each(["garbage", "}", ":", "'a'", ","])("do not begin with %s", (text) => {
    expect(() => cut([bytes(text)])).toThrow(`invalid character '${text.charAt(0)}' looking for beginning of value`);
  });

  it.each(["{", '{"a":1', '"x', "[[]"])("are not over after %s", (text) => {
    expect(() => cut([bytes(text)])).toThrow("unexpected EOF");
  });

  it("are not held beyond their limit", () => {
    const values = new Values(10);
    expect(() => {
      for (let at = 0; at < 100; at += 1) expect([...values.take(bytes(at === 0 ? '"' : "xxx"))]).toEqual([]);
    }).toThrow("larger than max (10)");
    expect(cut([bytes('{"a":1234}{"b":1234}')], 10)).toHaveLength(2);
  });
});

describe("numbers", () => {
  it("keep every digit", () => {
    expect(parseExactly('{"a":[9223372036854775807]}')).toEqual({ a: [new NumberText("9223372036854775807")] });
    const message = new Message(parseExactly('{"a":9223372036854775807,"b":"-9223372036854775808"}'));
    expect([message.int64("a"), message.int64("b"), message.int64("c")]).toEqual([2n ** 63n - 1n, -(2n ** 63n), 0n]);
    expect(message.count("a")).toBe(Number.MAX_SAFE_INTEGER);
  });

  it.each(["9223372036854775808", '"9223372036854775808"', "1.0", '"1e3"', '""', '"x"', "true", "[]", "{}"])(
    "are not %s",
    (text) => {
      expect(() => new Message(parseExactly(`{"a":${text}}`)).int64("a")).toThrow(
        /int64|beginning of value|end of JSON/,
      );
    },
  );
});

describe("names", () => {
  it("are taken in both spellings, the second before the first", () => {
    const read = (text: string): boolean => new Message(parseExactly(text)).flag("keys_only");
    expect(read('{"keys_only":true}')).toBe(true);
    expect(read('{"keysOnly":true}')).toBe(true);
    expect(read('{"keys_only":true,"keysOnly":false}')).toBe(false);
    expect(read('{"KeysOnly":true,"__proto__":{"keysOnly":true}}')).toBe(false);
  });
});
