/** What may stand where an address is meant: an IP address as RFC 4291 and 5952 write it, or a host's name (RFC 1123). Pure. */

const isOctet = (text: string): boolean => /^(0|[1-9][0-9]{0,2})$/.test(text) && Number(text) <= 255;

export const isIpv4 = (text: string): boolean => {
  const parts = text.split(".");
  return parts.length === 4 && parts.every(isOctet);
};

export function isIpv6(text: string): boolean {
  if (!/^[0-9a-f:.]{2,45}$/i.test(text)) return false;
  // An IPv4 address may stand for the last two groups.
  const last = text.slice(text.lastIndexOf(":") + 1);
  if (last.includes(".") && !isIpv4(last)) return false;
  const groups = last.includes(".") ? `${text.slice(0, -last.length)}0:0` : text;
  const halves = groups.split("::");
  const parts = halves.map((half) => (half === "" ? [] : half.split(":")));
  const count = parts.flat().length;
  if (!parts.flat().every((part) => /^[0-9a-f]{1,4}$/i.test(part))) return false;
  return halves.length === 1 ? count === 8 : halves.length === 2 && count <= 7;
}

/** A last label of digits alone would be half an IPv4 address, and no host is called that. */
function isHostName(text: string): boolean {
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  if (name.length === 0 || name.length > 253) return false;
  const labels = name.split(".");
  if (!labels.every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label))) return false;
  return !/^[0-9]+$/.test(labels.at(-1) ?? "");
}

export const isAddress = (text: unknown): text is string =>
  typeof text === "string" && (isIpv4(text) || isIpv6(text) || isHostName(text));
