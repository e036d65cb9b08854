/**
 * The registry under the real clients of Consul and DNS, in short and all at once. The long form: `npm run interop:registry`.
 * Who is not installed is not tried, and that is said aloud.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endLaunched } from "../processes/launched.ts";
import { endPrograms } from "./registry/programs.ts";
import { outcomeOf, parts } from "./registry/run.ts";
import { Stage } from "./registry/stage.ts";
import { Tally } from "./registry/tally.ts";

/** All at once take half a minute, most of it spent waiting for caches; on a busy machine much more. */
const patienceMs = 150_000;

const tried = parts.map((part) => ({ ...part, why: part.skipped() }));
for (const { client, why } of tried) if (why !== null) console.warn(`SKIPPED: the registry under ${client}: ${why}`);

describe("the registry", () => {
  const stage = new Stage();

  beforeAll(async () => stage.begin());

  afterAll(async () => {
    await endPrograms();
    await stage.end();
    endLaunched();
  });

  it("that says anything else is noticed", async () => {
    const tally = new Tally("a client");
    tally.like("less", { a: [1] }, { a: [1, 2] });
    tally.like("another text", "no", /yes/);
    tally.like("nothing", undefined, { a: 1 });
    await tally.refused("an answer", async () => Promise.resolve("told"), /refused/);
    expect(tally.mismatches.map((text) => text.split(":")[0])).toEqual([
      "less",
      "another text",
      "nothing",
      "an answer",
    ]);
    const throws = { client: "another", skipped: () => null, run: async () => Promise.reject(new Error("it broke")) };
    expect((await outcomeOf(throws, { stage, long: false })).mismatches).toEqual([expect.stringContaining("it broke")]);
  });

  describe.concurrent("under", () => {
    for (const part of tried) {
      it.skipIf(part.why !== null)(part.client, { timeout: patienceMs }, async () => {
        const { mismatches, assertions } = await outcomeOf(part, { stage, long: false });
        expect(mismatches).toEqual([]);
        expect(assertions).toBeGreaterThan(0);
      });
    }
  });
});
