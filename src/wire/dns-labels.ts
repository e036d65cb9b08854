/**
 * Names as DNS writes them: labels of at most 63 bytes, 255 in all, a repeated tail as a pointer back (RFC 1035, sections
 * 3.1 and 4.1.4). A label is a byte string here, not text: it may hold any byte, a dot included, and comes out as it came
 * in. Called by the messages' codecs. Never reads outside of what it is given, and never runs in a circle.
 */

/** Labels, from the left; each character is one byte. The root has none. */
export type DnsName = readonly string[];

const labelBytes = 63;
export const nameBytes = 255;

interface ReadName {
  readonly name: DnsName;
  /** Where the name ends in the message, however far its pointers led. */
  readonly end: number;
}

/** @returns null when the name is cut off, too long, or its pointers lead anywhere but back. */
export function readName(bytes: Uint8Array, start: number): ReadName | null {
  const name: string[] = [];
  let at = start;
  let end: number | null = null;
  /** A pointer leads to before where this part of the name began: so it ends. */
  let before = start;
  let total = 1;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) return null;
    if (length === 0) return { name, end: end ?? at + 1 };
    if (length >= 0xc0) {
      const low = bytes[at + 1];
      if (low === undefined) return null;
      const target = ((length & 0x3f) << 8) | low;
      if (target >= before) return null;
      end ??= at + 2;
      before = target;
      at = target;
      continue;
    }
    // 0x40 and 0x80 were never given a lasting meaning.
    total += length + 1;
    if (length > labelBytes || total > nameBytes || at + 1 + length > bytes.length) return null;
    name.push(String.fromCharCode(...bytes.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
}

/** As people write it; what could be misread is escaped (RFC 1035, section 5.1). */
export const nameText = (name: DnsName): string => `${name.map(labelText).join(".")}.`;

const labelText = (label: string): string =>
  label.replace(/[^!-~]|[.\\"();@$]/g, (character) =>
    /[!-~]/.test(character) ? `\\${character}` : `\\${String(character.charCodeAt(0)).padStart(3, "0")}`,
  );

/**
 * The name that a text without escapes stands for; a dot at its end is allowed.
 * @returns null unless it is printable ASCII in labels of the right sizes.
 */
export function nameOf(text: string): DnsName | null {
  if (text === ".") return [];
  const name = (text.endsWith(".") ? text.slice(0, -1) : text).split(".");
  const fits = name.every((label) => /^[!-~]{1,63}$/.test(label) && !label.includes("\\"));
  return fits && wireLength(name) <= nameBytes ? name : null;
}

export const wireLength = (name: DnsName): number => name.reduce((sum, label) => sum + 1 + label.length, 1);

/** Letters of either case are the same (RFC 4343): of ASCII alone. */
export const foldedLabel = (label: string): string => label.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
