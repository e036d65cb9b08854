/** Asking the replicas when some are dead, hang, or cannot help: scripted answers, and a clock that the test turns. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { logTime, requestId, revision } from "../../src/support/brand.ts";
import type { ByteString } from "../../src/support/brand.ts";
import type { ClientReply, ClientRequest, Failure } from "../../src/replica/messages.ts";
import { encodeClientRequest, encodeClientReply } from "../../src/wire/client-codec.ts";
import { Problem } from "../../workers/gateway/problems.ts";
import { askReplicas } from "../../workers/gateway/replicas.ts";
import type { Visit } from "../../workers/gateway/visit.ts";
import { visitWith } from "./visits.ts";

/** What a replica does: answers after a while, or (null) fails after it; `hangs` until the caller gives up. */
type Script = { readonly afterMs: number; readonly reply: ClientReply | null } | "hangs";

const key = "ka" as ByteString;
const writing: ClientRequest = {
  type: "write",
  id: requestId("random/x"),
  deadline: logTime(1_800_000_000_000),
  operation: { type: "delete", key, condition: { type: "always" } },
};
const reading = (type: "linearizable" | "local"): ClientRequest => ({
  type: "read",
  consistency: type === "local" ? { type, maxAgeMs: null } : { type },
  query: { type: "get", key },
});

const deleted: ClientReply = {
  type: "outcome",
  outcome: { type: "deleted", existed: true, revision: revision(1) },
  revision: revision(1),
};
const nothing: ClientReply = {
  type: "result",
  result: { type: "entry", entry: null },
  revision: revision(0),
  ageMs: 0,
};
const failed = (failure: Failure, outcome: "not-applied" | "unknown" = "not-applied"): ClientReply => ({
  type: "failed",
  failure,
  outcome,
  detail: failure,
});
const at = (afterMs: number, reply: ClientReply | null): Script => ({ afterMs, reply });
const after = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Call {
  readonly region: string;
  readonly atMs: number;
  readonly payload: string;
}

/** @param scripts in the order wnam, enam, weur, which is the configured one. */
function scripted(...scripts: readonly Script[]): { readonly visit: Visit; readonly calls: Call[] } {
  const calls: Call[] = [];
  const start = Date.now();
  const visit = visitWith(() => ({
    async call(_port, { region }, payload, timeoutMs) {
      calls.push({ region, atMs: Date.now() - start, payload });
      const script = scripts[["wnam", "enam", "weur"].indexOf(region)] ?? "hangs";
      const inTime = script !== "hangs" && script.afterMs < timeoutMs;
      await after(inTime ? script.afterMs : timeoutMs);
      return inTime && script.reply !== null ? encodeClientReply(script.reply) : null;
    },
  }));
  return { visit, calls };
}

/** Runs to the end in virtual time. */
async function ask(visit: Visit, request: ClientRequest): Promise<{ readonly end: unknown; readonly tookMs: number }> {
  const start = Date.now();
  let tookMs = 0;
  const end = askReplicas(visit, request)
    .then(
      ({ region, reply }) => [region, reply],
      (error: unknown) => (error instanceof Problem ? [error.code, error.particulars.outcome] : error),
    )
    .finally(() => {
      tookMs = Date.now() - start;
    });
  await vi.advanceTimersByTimeAsync(10_000);
  return { end: await end, tookMs };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("asking the replicas", () => {
  it("asks the nearest only, when it answers", async () => {
    const { visit, calls } = scripted(at(10, deleted), "hangs", "hangs");
    expect(await ask(visit, writing)).toEqual({ end: ["wnam", deleted], tookMs: 10 });
    expect(calls.map(({ region }) => region)).toEqual(["wnam"]);
  });

  it("goes on at once when one is dead, with the very same request", async () => {
    const { visit, calls } = scripted(at(1, null), at(10, deleted), "hangs");
    expect(await ask(visit, writing)).toEqual({ end: ["enam", deleted], tookMs: 11 });
    expect(new Set(calls.map(({ payload }) => payload)).size).toBe(1);
    expect(calls[0]?.payload).toBe(encodeClientRequest(writing));
  });

  it("joins one that hangs with the next, well before time is up", async () => {
    const { visit, calls } = scripted("hangs", at(10, deleted), "hangs");
    expect(await ask(visit, writing)).toEqual({ end: ["enam", deleted], tookMs: 2_510 });
    expect(calls.map(({ atMs }) => atMs)).toEqual([0, 2_500]);
  });

  it("takes a slow answer after all", async () => {
    const { visit } = scripted(at(3_000, deleted), "hangs", "hangs");
    expect(await ask(visit, writing)).toEqual({ end: ["wnam", deleted], tookMs: 3_000 });
  });

  it("survives two that hang", async () => {
    const { visit } = scripted("hangs", "hangs", at(10, nothing));
    expect(await ask(visit, reading("linearizable"))).toEqual({ end: ["weur", nothing], tookMs: 3_310 });
  });

  it("is impatient with local reads: they wait for nobody else", async () => {
    const { visit } = scripted("hangs", at(1, nothing), "hangs");
    expect(await ask(visit, reading("local"))).toEqual({ end: ["enam", nothing], tookMs: 501 });
  });

  it("asks one that did not answer last, for a while", async () => {
    const { visit, calls } = scripted(at(1, null), at(1, nothing), "hangs");
    for (let i = 0; i < 2; i += 1) {
      const soon = askReplicas(visit, reading("local"));
      await vi.advanceTimersByTimeAsync(10);
      await soon;
    }
    expect(calls.map(({ region }) => region)).toEqual(["wnam", "enam", "enam"]);
    await vi.advanceTimersByTimeAsync(5_000);
    await ask(visit, reading("local"));
    expect(calls.slice(3).map(({ region }) => region)).toEqual(["wnam", "enam"]);
  });

  it("[U1] ends in time, and does not claim to know what hung replicas did", async () => {
    const { visit } = scripted("hangs", "hangs", "hangs");
    expect(await ask(visit, writing)).toEqual({ end: ["no-quorum", "unknown"], tookMs: 4_800 });
  });

  it("[U1] says not-applied only if every replica says so", async () => {
    const no = at(1, failed("no-quorum"));
    expect((await ask(scripted(no, no, no).visit, writing)).end).toEqual(["no-quorum", "not-applied"]);
    const maybe = at(1, failed("no-quorum", "unknown"));
    expect((await ask(scripted(no, maybe, no).visit, writing)).end).toEqual(["no-quorum", "unknown"]);
    expect((await ask(scripted(no, no, at(1, null)).visit, writing)).end).toEqual(["no-quorum", "unknown"]);
  });

  it.each<[Failure, number]>([
    ["revision-in-future", 1],
    ["wrong-regions", 1],
    ["founding-conflict", 1],
    ["founding-incomplete", 1],
    ["overloaded", 1],
    ["no-quorum", 3],
    ["too-stale", 3],
    ["unknown-semantics", 3],
  ])("asks others after %s: %i in all", async (failure, asked) => {
    const answer = at(1, failed(failure));
    const { visit, calls } = scripted(answer, answer, answer);
    expect((await ask(visit, writing)).end).toEqual([failure, "not-applied"]);
    expect(calls).toHaveLength(asked);
  });

  it("[U1] stays in doubt when a final answer comes while another replica hangs", async () => {
    const { visit } = scripted("hangs", at(1, failed("overloaded")), "hangs");
    expect((await ask(visit, writing)).end).toEqual(["overloaded", "unknown"]);
  });

  it("takes what it cannot read for no answer", async () => {
    const visit = visitWith(() => ({
      async call(_port, { region }) {
        return Promise.resolve(region === "wnam" ? '{"v":99,"body":{}}' : encodeClientReply(deleted));
      },
    }));
    expect((await ask(visit, writing)).end).toEqual(["enam", deleted]);
  });
});
