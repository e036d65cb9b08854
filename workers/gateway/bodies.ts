/** Reading what clients send, never more than the door allows. */
import * as v from "valibot";
import { textOf } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import { Problem } from "./problems.ts";
import { strictJson } from "./strict-json.ts";

/** @throws {Problem} when the body is compressed, or larger than `atMost` bytes. */
export async function bodyOf(request: Request, atMost: number): Promise<Uint8Array<ArrayBuffer>> {
  refuseCompressed(request);
  const bytes = await bytesWithin(request, atMost);
  if (bytes !== null) return bytes;
  throw new Problem("body-too-large", `the body may have at most ${atMost} bytes`);
}

/** @throws {Problem} when the body is compressed. */
export function refuseCompressed({ headers }: Request): void {
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.trim().toLowerCase() !== "identity") {
    throw new Problem("unsupported-encoding", "send the body as it is, without Content-Encoding");
  }
}

/** @returns null when the body is larger than `atMost` bytes: no more than that is ever held. */
export async function bytesWithin(request: Request, atMost: number): Promise<Uint8Array<ArrayBuffer> | null> {
  const announced = request.headers.get("content-length");
  // What is announced is refused before it is read, and there is no more of it than that.
  if (announced !== null) {
    if (Number(announced) > atMost) return null;
    const all = new Uint8Array(await request.arrayBuffer());
    return all.length > atMost ? null : all;
  }
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

/** @throws {Problem} when there is a body where none is understood: ignoring it would be worse. */
export async function noBodyOf(request: Request): Promise<void> {
  const bytes = await bytesWithin(request, 0);
  if (bytes === null) throw new Problem("invalid-body", "this request takes no body");
}

/**
 * @returns the body as sent and as read. A body without a media type is taken for JSON.
 * @throws {Problem} when it is something else, or not what `schema` says.
 */
export async function jsonBodyOf<T>(
  request: Request,
  schema: v.GenericSchema<unknown, T>,
  atMost: number = limits.jsonBodyBytes,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly value: T }> {
  const type = request.headers.get("content-type");
  if (type !== null && !/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(type)) {
    throw new Problem("unsupported-media-type", "send the body as application/json in UTF-8");
  }
  const bytes = await bodyOf(request, atMost);
  const parsed = strictJson(textOf(bytes) ?? "");
  if (!parsed.ok) throw new Problem("invalid-body", parsed.reason);
  const result = v.safeParse(schema, parsed.value, { abortEarly: true });
  if (result.success) return { bytes, value: result.output };
  const [issue] = result.issues;
  throw new Problem("invalid-body", `${v.getDotPath(issue) ?? "the body"}: ${issue.message}`);
}
