/** A write at the gateway: what its client is told when replicas are slow, in the words of U1. */
import { describe, expect, it } from "vitest";
import { userKey } from "../../../src/store/key-space.ts";
import type { Outcome } from "../../../src/store/command.ts";
import { revision } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { encodeClientReply } from "../../../src/wire/client-codec.ts";
import { Problem } from "../../../workers/gateway/problems.ts";
import type { Visit } from "../../../workers/gateway/visit.ts";
import { write } from "../../../workers/gateway/writes.ts";
import { visitWith } from "./visit.ts";

const operation = { type: "put", key: userKey(utf8("a")), value: utf8("1"), condition: { type: "always" } } as const;
const asked = { method: "PUT", path: "/kv/a", condition: "always", body: utf8("1") };
const late: Outcome = { type: "past-deadline" };

/** @param answers by region; a region that is missing never answers. */
const visitTo = (answers: Readonly<Partial<Record<string, Outcome>>>): Visit =>
  visitWith(async (_, { region }) => {
    const outcome = answers[region];
    if (outcome === undefined) return new Promise(() => undefined);
    return Promise.resolve(encodeClientReply({ type: "outcome", outcome, revision: revision(1) }));
  });

async function toldBy(answers: Readonly<Partial<Record<string, Outcome>>>): Promise<unknown> {
  try {
    return await write(visitTo(answers), new Headers(), asked, operation, "put");
  } catch (error) {
    return error instanceof Problem ? [error.code, error.particulars.outcome] : error;
  }
}

describe("a write that is refused", () => {
  it("says that the instance is elsewhere, and that nothing was done", async () => {
    const at = revision(1);
    const outcome = { type: "refused", why: "lease-elsewhere", revision: at, compactedRevision: at } as const;
    expect(await toldBy({ wnam: outcome })).toEqual(["instance-elsewhere", undefined]);
  });
});

describe("a write that came too late", () => {
  it("[U1] is not applied, when the only replica that was asked says so", async () => {
    expect(await toldBy({ wnam: late })).toEqual(["deadline-passed", "not-applied"]);
  });

  it("[U1] is unknown, when another replica was given it before and is silent (seed 5)", async () => {
    expect(await toldBy({ enam: late })).toEqual(["deadline-passed", "unknown"]);
  });
});
