/** Comparing secrets without telling, by the time it takes, how much of a guess was right. */
import { utf8 } from "../../src/support/bytes.ts";

/** Both sides are hashed first, so that neither their lengths nor their bytes steer what follows. */
export async function sameSecret(given: string, expected: string): Promise<boolean> {
  const [a, b] = await Promise.all([digestOf(given), digestOf(expected)]);
  let difference = 0;
  a.forEach((byte, at) => {
    difference |= byte ^ (b[at] ?? 0);
  });
  return difference === 0;
}

const digestOf = async (text: string): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text)));
