/** What a replica answers from its store, whatever freshness was asked for. */
import { describe, expect, it } from "vitest";
import { answer } from "../../../src/replica/query.ts";
import { rangeStart } from "../../../src/store/ranges.ts";
import { instant, leaseId, revision } from "../../../src/support/brand.ts";
import { compact, Driver, enqueue, grant, key, put } from "../store/driver.ts";
import { queryOf, rangeFrom, rangeStep, transaction } from "../store/transactions.ts";

const clock = instant(1_000_000);

describe("a range", () => {
  const driver = new Driver();
  for (const value of ["1", "2", "3"]) driver.one(put("a", value));
  const ask = (at: number | null) =>
    answer(
      driver.store,
      {
        type: "range",
        range: queryOf(rangeFrom("a"), { revision: at === null ? null : revision(at) }),
        place: rangeStart,
      },
      clock,
    );

  it("[V3] says at which revision it was read", () => {
    expect(ask(null)).toMatchObject({ type: "range", revision: 4, range: { count: 1, entries: [{ modRevision: 4 }] } });
    expect(ask(3)).toMatchObject({ type: "range", revision: 3, range: { entries: [{ modRevision: 3 }] } });
    expect(ask(5)).toEqual({ type: "future" });
  });

  it("[V3] below what is kept is compacted", () => {
    driver.one(compact(3));
    expect(ask(2)).toEqual({ type: "compacted", compactedRevision: 3 });
    const past = transaction([], [rangeStep("a", undefined, { revision: revision(2) })]);
    expect(answer(driver.store, { type: "transaction", transaction: past }, clock)).toEqual({
      type: "refused",
      why: "compacted",
      compactedRevision: 3,
    });
  });
});

describe("leases", () => {
  const driver = new Driver();
  driver.one(grant("a", 500));
  driver.one(enqueue("q", "b", { ttlMs: 900 }));
  driver.one(put("k", "1", { tie: "a" }));
  const ask = (id: string, at: number, keys = 9) =>
    answer(driver.store, { type: "lease", lease: leaseId(id), keys }, instant(driver.now + at));

  it("have so much time left, by the clock of who answers and never more than by the log's", () => {
    const lease = { id: "a", ttlMs: 500, granted: true };
    expect(ask("a", 100)).toEqual({ type: "lease", lease: { ...lease, remainingMs: 400 }, keys: [key("k")] });
    expect(ask("a", 900, 0)).toEqual({ type: "lease", lease: { ...lease, remainingMs: 0 }, keys: [] });
    expect(ask("a", -100)).toMatchObject({ lease: { remainingMs: 500 } });
    expect(ask("b", 0)).toMatchObject({ lease: { granted: false, remainingMs: 900 } });
    expect(ask("none", 0)).toEqual({ type: "lease", lease: null, keys: [] });
  });

  it("are listed page by page", () => {
    const list = (after: string, limit: number) => answer(driver.store, { type: "leases", after, limit }, clock);
    expect(list("", 1)).toMatchObject({ type: "leases", leases: [{ id: "a" }], more: true });
    expect(list("a", 1)).toMatchObject({ leases: [{ id: "b" }], more: false });
    expect(list("b", 1)).toEqual({ type: "leases", leases: [], more: false });
  });
});
