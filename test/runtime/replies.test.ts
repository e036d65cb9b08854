/** What replicas may answer, as problems: also what takes an hour, or a broken clock, to bring about. */
import { describe, expect, it } from "vitest";
import { revision } from "../../src/support/brand.ts";
import type { ByteString } from "../../src/support/brand.ts";
import type { QueryResult } from "../../src/replica/messages.ts";
import type { Outcome } from "../../src/store/command.ts";
import { encodeClientReply } from "../../src/wire/client-codec.ts";
import { Problem } from "../../workers/gateway/problems.ts";
import { read } from "../../workers/gateway/reads.ts";
import { write } from "../../workers/gateway/writes.ts";
import { visitWith } from "./visits.ts";

const at = revision(7);
const key = "ka" as ByteString;

async function problemOf(run: Promise<unknown>): Promise<unknown> {
  try {
    await run;
    return "none";
  } catch (error) {
    return error instanceof Problem ? { code: error.code, ...error.particulars } : error;
  }
}

async function reading(result: QueryResult): Promise<unknown> {
  const text = encodeClientReply({ type: "result", result, revision: at, ageMs: null });
  const visit = visitWith(() => ({ call: async () => Promise.resolve(text) }));
  const query = { type: "list", prefix: key, after: null, limit: 1, revision: null } as const;
  return problemOf(read(visit, { type: "linearizable" }, query, "page"));
}

async function writing(outcome: Outcome): Promise<unknown> {
  const text = encodeClientReply({ type: "outcome", outcome, revision: at });
  const visit = visitWith(() => ({ call: async () => Promise.resolve(text) }));
  const asked = { method: "DELETE", path: "/kv/ka", condition: "always", body: new Uint8Array(0) };
  const operation = { type: "delete", key, condition: { type: "always" } } as const;
  return problemOf(write(visit, new Headers(), asked, operation, "deleted"));
}

describe("a page", () => {
  it("that is there is no problem", async () => {
    expect(await reading({ type: "page", entries: [], more: false, revision: at })).toBe("none");
  });

  it("of a revision that is gone says from where there is something", async () => {
    const result = await reading({ type: "compacted", compactedRevision: revision(5) });
    expect(result).toMatchObject({ code: "revision-compacted", extra: { compactedRevision: 5 } });
  });

  it("of a revision that nobody has is refused", async () => {
    expect(await reading({ type: "future" })).toMatchObject({ code: "revision-in-future" });
  });
});

describe("an outcome", () => {
  it.each<[Outcome, unknown]>([
    [{ type: "deleted", existed: true, revision: at }, "none"],
    [
      { type: "condition-failed", modRevision: revision(3) },
      { code: "precondition-failed", headers: { etag: '"3"' } },
    ],
    [{ type: "condition-failed", modRevision: null }, { code: "precondition-failed" }],
    [
      { type: "out-of-order", expected: 4 },
      { code: "out-of-order", extra: { expected: 4 } },
    ],
    [{ type: "id-reused" }, { code: "idempotency-key-reused" }],
    [{ type: "past-deadline" }, { code: "deadline-passed" }],
    [{ type: "deadline-too-far" }, { code: "deadline-passed" }],
  ])("%j", async (outcome, expected) => {
    const said = await writing(outcome);
    if (typeof expected === "string") expect(said).toBe(expected);
    else expect(said).toMatchObject(expected as object);
  });

  it("of another kind than was asked for is a bug, not a problem", async () => {
    expect(await writing({ type: "expired", deletedKeys: 0, revision: at })).not.toHaveProperty("code");
  });
});
