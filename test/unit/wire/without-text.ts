/** A write that came over the wire keeps the text of its command: for tests that compare it with what was sent. */
import { expect } from "vitest";
import type { WriteRequest } from "../../../src/replica/messages.ts";
import { decodeCommand } from "../../../src/store/command-codec.ts";
import type { Decoded } from "../../../src/wire/envelope.ts";

/** @returns the message without that text, which must be the same command. */
export function withoutText(decoded: Decoded<object>): unknown {
  if (!decoded.ok || !("encoded" in decoded.body)) return decoded;
  const { encoded, type, ...body } = decoded.body as WriteRequest & { readonly encoded: string };
  expect(decodeCommand(encoded)).toEqual(body);
  return { ok: true, body: { type, ...body } };
}
