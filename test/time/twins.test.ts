/** Every broken twin is seen by the check that is named for it. A check that sees nothing checks nothing. */
import { expect, it } from "vitest";
import { checksThatCatch } from "./run-twin.ts";
import { twins } from "./twins.ts";

it.each(twins)("$name is caught by: $check", async (twin) => {
  expect(await checksThatCatch(twin)).toContain(twin.check);
});
