/** Bytes as a member of a JSON answer: text where they are UTF-8, else base64 and a member that says so. Pure. */
import { base64Of, textOf } from "../support/bytes.ts";

export function bytesMember(name: string, encoding: string, bytes: Uint8Array): Readonly<Record<string, string>> {
  const text = textOf(bytes);
  return text === null ? { [name]: base64Of(bytes), [encoding]: "base64" } : { [name]: text };
}
