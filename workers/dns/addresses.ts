/** Addresses as text and as DNS records hold them. Pure. */
import { isIpv4, isIpv6 } from "../../src/registry/addresses.ts";

/** @returns null when it is no IP address. */
export function addressBytes(text: string): Uint8Array | null {
  if (isIpv4(text)) return Uint8Array.from(text.split("."), Number);
  if (!isIpv6(text)) return null;
  const last = text.slice(text.lastIndexOf(":") + 1);
  const [a = 0, b = 0, c = 0, d = 0] = last.includes(".") ? last.split(".").map(Number) : [];
  const tail = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  const [head = "", rest] = (last.includes(".") ? text.slice(0, -last.length) + tail : text).split("::");
  const groups = (part: string): readonly string[] => (part === "" ? [] : part.split(":"));
  const [before, after] = [groups(head), groups(rest ?? "")];
  const between = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return Uint8Array.from(
    [...before, ...between, ...after].flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}

/** As RFC 5952 writes it: a URL's host is written so. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}
