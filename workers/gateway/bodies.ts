/** Reading what clients send, never more than the door allows. */
import * as v from "valibot";
import { textOf } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import { parseJson } from "../../src/store/json-shape.ts";
import { Problem } from "./problems.ts";

/** @throws {Problem} when the body is compressed, or larger than `atMost` bytes. */
export async function bodyOf(request: Request, atMost: number): Promise<Uint8Array<ArrayBuffer>> {
  const encoding = request.headers.get("content-encoding");
  if (encoding !== null && encoding.trim().toLowerCase() !== "identity") {
    throw new Problem("unsupported-encoding", "send the body as it is, without Content-Encoding");
  }
  const bytes = await bytesWithin(request, atMost);
  if (bytes !== null) return bytes;
  throw new Problem("body-too-large", `the body may have at most ${atMost} bytes`);
}

/** @returns null when the body is larger than `atMost` bytes: no more than that is ever held. */
export async function bytesWithin(request: Request, atMost: number): Promise<Uint8Array<ArrayBuffer> | null> {
  // What is announced is refused before it is read.
  if (Number(request.headers.get("content-length") ?? 0) > atMost) return null;
  if (request.body === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    size += chunk.length;
    // Leaving the loop cancels the stream.
    if (size > atMost) return null;
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/**
 * @returns the body as sent and as read. A body without a media type is taken for JSON.
 * @throws {Problem} when it is something else, or not what `schema` says.
 */
export async function jsonBodyOf<T>(
  request: Request,
  schema: v.GenericSchema<unknown, T>,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly value: T }> {
  const type = request.headers.get("content-type");
  if (type !== null && !/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(type)) {
    throw new Problem("unsupported-media-type", "send the body as application/json in UTF-8");
  }
  const bytes = await bodyOf(request, limits.jsonBodyBytes);
  const text = textOf(bytes);
  const parsed = text === null ? undefined : parseJson(text);
  if (parsed === undefined) throw new Problem("invalid-body", "the body is not JSON in UTF-8");
  const result = v.safeParse(schema, parsed, { abortEarly: true });
  if (result.success) return { bytes, value: result.output };
  const [issue] = result.issues;
  throw new Problem("invalid-body", `${v.getDotPath(issue) ?? "the body"}: ${issue.message}`);
}
