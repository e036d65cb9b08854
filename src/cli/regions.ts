/** Which regions' clocks a deployment has, as it says itself. */
import { CommandError } from "./errors.ts";
import { askJson } from "./http.ts";

/** @throws {CommandError} when it names none. */
export async function regionsOf(from: string, token: string | undefined): Promise<readonly string[]> {
  const answer = await askJson(`${from}/time/regions`, token);
  const list = typeof answer === "object" && answer !== null && "regions" in answer ? answer.regions : [];
  const entries: readonly unknown[] = Array.isArray(list) ? list : [];
  const names = entries.flatMap((entry) => {
    const name = typeof entry === "object" && entry !== null && "region" in entry ? entry.region : undefined;
    return typeof name === "string" ? [name] : [];
  });
  if (names.length === 0) throw new CommandError(`${from} names no regions`);
  return names;
}
