/** Comparing secrets without telling, by the time it takes, how much of a guess was right. */

export function sameSecret(given: string, expected: string): boolean {
  let difference = given.length ^ expected.length;
  // As many steps whatever was given: only its length can be told from how long this takes.
  for (let at = 0; at < expected.length; at += 1) difference |= given.charCodeAt(at) ^ expected.charCodeAt(at);
  return difference === 0;
}
