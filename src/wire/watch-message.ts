/** Messages on a watch's WebSocket, from the client. What is sent to it is written where it is sent. Upholds W1. */
import * as v from "valibot";
import type { EventPlace } from "../store/events.ts";
import { readBy } from "./envelope.ts";
import { decodePlace } from "./watch-codec.ts";

export type WatchMessage =
  /** All before `next` has arrived. */
  | { readonly type: "ack"; readonly next: EventPlace }
  /** How far has all been told? */
  | { readonly type: "progress" };

const place = readBy((value) => (typeof value === "string" ? decodePlace(value) : null), "a place");
const schema = v.variant("type", [
  v.strictObject({ type: v.literal("ack"), next: place }),
  v.strictObject({ type: v.literal("progress") }),
]);

/** @returns why it is not understood, for the person who wrote the client, when it is not. */
export function decodeWatchMessage(
  text: string,
): WatchMessage | { readonly type: "malformed"; readonly reason: string } {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return { type: "malformed", reason: "not JSON" };
  }
  const result = v.safeParse(schema, message, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  return { type: "malformed", reason: `${v.getDotPath(issue) ?? "message"}: ${issue.message}` };
}
