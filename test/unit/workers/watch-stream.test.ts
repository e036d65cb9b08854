/** What a watch's event stream tells of scripted answers: changes, signs of life with a place, and the end of history. */
import { describe, expect, it } from "vitest";
import { revision } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import type { ClientReply, ClientRequest, QueryResult } from "../../../src/replica/messages.ts";
import { userRange } from "../../../src/store/key-space.ts";
import { decodeClientRequest, encodeClientReply } from "../../../src/wire/client-codec.ts";
import { told } from "../../../workers/gateway/watch-events.ts";
import { visitWith } from "./visit.ts";

const place = (at: number, index = 0) => ({ revision: revision(at), index });
const followed = { range: userRange, puts: true, deletes: true, previous: false };
const nothing = (next: number): QueryResult => ({ type: "events", events: [], next: place(next) });

/** Answers one after the other. @returns also what was asked. */
function scripted(...results: readonly QueryResult[]) {
  const asked: ClientRequest[] = [];
  const visit = visitWith(async (_port, _address, payload) => {
    const decoded = decodeClientRequest(payload);
    if (!decoded.ok) throw new Error("not understood");
    const result = results[asked.length];
    asked.push(decoded.body);
    if (result === undefined) return Promise.resolve(null);
    const reply: ClientReply = { type: "result", result, revision: revision(9), ageMs: 0 };
    return Promise.resolve(encodeClientReply(reply));
  });
  return { visit: { ...visit, gathers: false }, asked };
}

describe("a watch's event stream", () => {
  it("[N4] moves the client's place on where nothing happened, often enough", async () => {
    const { visit, asked } = scripted(nothing(8), nothing(10), nothing(12));
    const steps = told(visit, followed, place(5));
    expect((await steps.next()).value).toEqual([{ event: "ready", id: "5", data: { revision: 9, next: "5" } }]);
    expect((await steps.next()).value).toEqual([{ event: "progress", id: "10", data: { revision: 9, next: "10" } }]);
    expect((await steps.next()).value).toMatchObject([{ event: "progress", id: "12" }]);
    expect(asked).toMatchObject([
      { type: "watch", waitMs: 0, query: { from: place(5) } },
      { waitMs: limits.watchProgressMs, query: { from: place(8) } },
      { waitMs: limits.watchProgressMs, query: { from: place(10) } },
    ]);
    expect(limits.watchProgressMs).toBeLessThan(limits.watchBeatMs);
  });

  it("[N3] ends where history does, with the first revision that is kept", async () => {
    const { visit } = scripted(nothing(8), { type: "compacted", compactedRevision: revision(20) });
    const steps = told(visit, followed, place(5));
    await steps.next();
    expect((await steps.next()).value).toMatchObject([{ event: "compacted", data: { compactedRevision: 20 } }]);
    expect((await steps.next()).done).toBe(true);
  });

  it("fails before it begins where the place is gone already, and later where nobody answers", async () => {
    const gone = scripted({ type: "compacted", compactedRevision: revision(20) });
    await expect(told(gone.visit, followed, place(5)).next()).rejects.toMatchObject({ code: "revision-compacted" });
    const silent = scripted(nothing(8));
    const steps = told(silent.visit, followed, place(5));
    await steps.next();
    await expect(steps.next()).rejects.toMatchObject({ code: "no-quorum" });
  });
});
