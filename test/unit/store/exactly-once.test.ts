import { describe, expect, test } from "vitest";
import type { Command, Outcome } from "../../../src/store/command.ts";
import { logTime, requestId } from "../../../src/support/brand.ts";
import { Driver, loadFrom, put, remove, smallLimits, startTime } from "./driver.ts";

describe("[X1] a command id is carried out at most once", () => {
  test("[X1] a retry is told the first outcome and changes nothing", () => {
    const driver = new Driver();
    const first = driver.one(put("a", "1"), { id: "one" });
    driver.one(put("a", "2"));
    expect(driver.one(put("a", "1"), { id: "one" })).toEqual(first);
    expect(driver.value("a")).toBe("2");
    expect(driver.store.revision).toBe(3);
  });

  test("[X1] also within one batch, and after a restart, and at a replica that came by a snapshot", () => {
    const driver = new Driver({ limits: smallLimits });
    const command = driver.command(put("a", "1"), { id: "one", deadline: startTime + 100 });
    const [first, second] = driver.apply(command, command);
    expect(second).toEqual(first);
    driver.reopen();
    expect(driver.apply(command)).toEqual([first]);
    expect(loadFrom(driver).apply(command)).toEqual([first]);
  });

  test("[X1] refusals are outcomes: a failed condition stays failed", () => {
    const driver = new Driver();
    driver.one(put("a", "1"));
    const parts = { id: "one" };
    const operation = put("a", "2", { condition: { type: "absent" } });
    expect(driver.one(operation, parts)).toEqual({ type: "condition-failed", modRevision: 2 });
    driver.one(remove("a"));
    expect(driver.one(operation, parts)).toEqual({ type: "condition-failed", modRevision: 2 });
    driver.reopen();
    expect(driver.one(operation, parts)).toEqual({ type: "condition-failed", modRevision: 2 });
  });

  test("[X1] the same id with another request is refused", () => {
    const driver = new Driver();
    const deadline = startTime + 1_000_000;
    const first = driver.one(put("a", "1"), { id: "one", fingerprint: "PUT a 1", deadline });
    expect(driver.one(put("a", "2"), { id: "one", fingerprint: "PUT a 2", deadline })).toEqual({
      type: "id-reused",
    });
    expect(driver.one(put("a", "2"), { id: "one", deadline })).toEqual({ type: "id-reused" });
    driver.reopen();
    expect(driver.one(put("a", "1"), { id: "one", fingerprint: "PUT a 1", deadline })).toEqual(first);
    expect(driver.value("a")).toBe("1");
  });

  /** Every way of asking again: at once, after a restart, and at a replica that came by a snapshot. */
  const again = (driver: Driver, command: Command): readonly Outcome[] => {
    const [first] = driver.apply(command);
    driver.reopen();
    const [second] = driver.apply(command);
    const [third] = loadFrom(driver).apply(command);
    return [first, second, third].filter((outcome) => outcome !== undefined);
  };

  test.each([
    ["plain, brief", undefined, 100],
    ["plain, with a row", undefined, 900],
    ["under a client's key", "f", 900],
  ])("[X1] [U1] a command refused as out of order stays refused, also once its turn has come: %s", (_, key, ahead) => {
    const driver = new Driver({ limits: smallLimits });
    const parts = { deadline: startTime + ahead, ...(key === undefined ? {} : { fingerprint: key }) };
    const order = (sequence: number) => ({ order: { session: "s", sequence } });
    const early = driver.command(put("a", "2"), { id: "two", ...parts, ...order(2) });
    const refused: Outcome = { type: "out-of-order", expected: 1 };
    expect(driver.apply(early)).toEqual([refused]);
    // The reviewer's case: a takeover proposes the lost command and the refused one once more, together.
    const lost = driver.command(put("a", "1"), order(1));
    expect(driver.apply(lost, early)).toMatchObject([{ type: "put" }, refused]);
    expect(again(driver, early)).toEqual([refused, refused, refused]);
    driver.now = startTime + ahead;
    expect(again(driver, early)).toEqual([refused, refused, refused]);
    driver.now += 1;
    const late: Outcome = { type: "past-deadline" };
    expect(again(driver, early)).toEqual([late, late, late]);
    expect(driver.value("a")).toBe("1");
    // Under a new id the session goes on where it stood.
    expect(driver.one(put("a", "2"), { id: "two anew", ...order(2) })).toMatchObject({ type: "put" });
  });

  test.each([
    ["without a client's key", {}],
    ["under a client's key", { fingerprint: "f" }],
  ])("[X1] [U1] a deadline once too far stays refused when log time has come near it: %s", (_, key) => {
    const driver = new Driver({ limits: smallLimits });
    const deadline = startTime + 3 * smallLimits.deadlineAheadMs;
    const far = driver.command(put("a", "1"), { id: "far", deadline, ...key });
    const refused: Outcome = { type: "deadline-too-far" };
    expect(again(driver, far)).toEqual([refused, refused, refused]);
    for (const left of [2 * smallLimits.deadlineAheadMs, smallLimits.deadlineAheadMs, 100, 0]) {
      driver.now = deadline - left;
      driver.apply();
      expect(again(driver, far)).toEqual([refused, refused, refused]);
    }
    driver.now = deadline + 1;
    const late: Outcome = { type: "past-deadline" };
    expect(again(driver, far)).toEqual([late, late, late]);
    expect(driver.value("a")).toBeNull();
  });

  test("[X1] [U1] a deadline too far is remembered until it has passed, though nobody asks in between", () => {
    for (const left of [2 * smallLimits.deadlineAheadMs, smallLimits.deadlineAheadMs, 100, 0]) {
      const driver = new Driver({ limits: smallLimits });
      const far = driver.command(put("a", "1"), { deadline: startTime + 4 * smallLimits.deadlineAheadMs });
      const refused = driver.apply(far);
      expect(refused).toEqual([{ type: "deadline-too-far" }]);
      driver.now = far.deadline - left;
      driver.apply();
      driver.apply();
      expect(driver.apply(far)).toEqual(refused);
    }
  });

  test.each([
    ["the first briefly, the second with a fingerprint", undefined, "f", 100],
    ["the first in a row, the second with a fingerprint", undefined, "f", 5_000],
    ["the first with a fingerprint, the second plain", "f", undefined, 100],
    ["the first with a fingerprint, the second plain, far", "f", undefined, 5_000],
  ])("[X1] the same id with and without a fingerprint is another request: %s", (_, one, other, ahead) => {
    const driver = new Driver({ limits: smallLimits });
    const command = (value: string, fingerprint: string | undefined) =>
      driver.command(put("a", value), {
        id: "one",
        deadline: startTime + ahead,
        ...(fingerprint === undefined ? {} : { fingerprint }),
      });
    const first = driver.one(put("a", "1"), command("1", one));
    const reused: Outcome = { type: "id-reused" };
    expect(again(driver, command("2", other))).toEqual([reused, reused, reused]);
    expect(again(driver, command("1", one))).toEqual([first, first, first]);
    // In one batch with the first, too.
    const both = new Driver();
    expect(both.apply(command("1", one), command("2", other))).toEqual([first, reused]);
    expect(driver.value("a")).toBe("1");
  });

  test.each([
    ["brief, then brief", {}, 60, { fingerprint: "f" }, 140],
    ["brief, then under a key", {}, 60, { fingerprint: "f" }, 5_000],
    ["under a key, then brief", { fingerprint: "f" }, 60, {}, 140],
    ["under a key, then under it again", { fingerprint: "f" }, 60, { fingerprint: "other" }, 5_000],
  ])(
    "[X1] [U1] a reused id stays refused until the refused request's own deadline: %s",
    (_, one, ahead, two, later) => {
      let driver = new Driver({ limits: smallLimits });
      const first = driver.one(put("a", "1"), { id: "one", deadline: startTime + ahead, ...one });
      const second = driver.command(put("a", "2"), { id: "one", deadline: startTime + later, ...two });
      const reused: Outcome = { type: "id-reused" };
      expect(again(driver, second)).toEqual([reused, reused, reused]);
      for (const at of [ahead, ahead + 1, later]) {
        driver.now = startTime + at;
        driver.apply();
        const copy = loadFrom(driver);
        expect(copy.store.digest()).toBe(driver.store.digest());
        expect(driver.store.remembered(requestId("one"))).toMatchObject({
          outcome: first,
          deadline: startTime + later,
        });
        expect(again(driver, second)).toEqual([reused, reused, reused]);
        driver = copy;
      }
      driver.now = startTime + later + 1;
      expect(driver.apply(second)).toEqual([{ type: "past-deadline" }]);
      expect(driver.value("a")).toBe("1");
    },
  );

  test("[X1] a copy with a later deadline is not carried out after the first one's deadline", () => {
    const driver = new Driver({ limits: smallLimits });
    const first = driver.one(put("a", "1"), { id: "one", deadline: startTime + 50 });
    const copy = driver.command(put("a", "1"), { id: "one", deadline: startTime + 4_000 });
    expect(driver.apply(copy)).toEqual([first]);
    driver.one(put("a", "2"));
    driver.now = startTime + 1_000;
    driver.apply();
    expect(again(driver, copy)).toEqual([first, first, first]);
    expect(driver.value("a")).toBe("2");
  });

  test.each([
    ["brief", 90],
    ["far ahead without a client's key", 5_000],
  ])("[X1] an outcome is remembered until its deadline, and no longer: %s", (_, ahead) => {
    const driver = new Driver({ limits: smallLimits });
    const deadline = startTime + ahead;
    const first = driver.one(put("a", "1"), { id: "one", deadline });
    driver.now = deadline;
    driver.apply();
    driver.reopen();
    expect(driver.store.remembered(requestId("one"))).toMatchObject({ outcome: first, fingerprint: null });
    expect(driver.one(put("a", "1"), { id: "one", deadline })).toEqual(first);
    driver.now = deadline + 1;
    driver.apply();
    expect(driver.store.remembered(requestId("one"))).toBeNull();
    expect(driver.one(put("a", "1"), { id: "one", deadline })).toEqual({ type: "past-deadline" });
  });

  test("[X1] clearing history does not clear a remembered outcome", () => {
    const driver = new Driver({
      limits: { ...smallLimits, historyRevisions: 0, historyMs: 0, keptSlots: 0 },
    });
    const deadline = startTime + 149;
    const first = driver.one(put("a", "1"), { id: "one", deadline });
    for (let n = 1; n < 149; n += 1) {
      driver.now = startTime + n;
      driver.apply();
      driver.reopen();
      expect(driver.store.remembered(requestId("one"))?.outcome).toEqual(first);
    }
  });

  test("expired outcomes lose their rows bit by bit", () => {
    const driver = new Driver({ limits: smallLimits });
    const deadline = startTime + 100;
    const commands = Array.from({ length: 10 }, (_, n) =>
      driver.command(put("a", String(n)), { id: `id-${n}`, fingerprint: "f", deadline }),
    );
    driver.apply(...commands);
    const rows = () => driver.sql.all("SELECT count(*) AS n FROM outcomes")[0]?.["n"];
    expect(rows()).toBe(10);
    driver.now += 8_000_000;
    for (let n = 0; n < 12; n += 1) driver.apply();
    expect(rows()).toBe(0);
  });
});

describe("[X2] a command past its deadline is refused", () => {
  test("[X2] the deadline itself is in time, one later is late, and nothing is remembered of that", () => {
    const driver = new Driver();
    expect(driver.one(put("a", "1"), { deadline: driver.now })).toMatchObject({ type: "put" });
    expect(driver.one(put("a", "2"), { id: "late", deadline: driver.now - 1 })).toEqual({
      type: "past-deadline",
    });
    expect(driver.store.remembered(requestId("late"))).toBeNull();
    expect(driver.store.revision).toBe(2);
  });

  test("[X2] a deadline no honest clock would set is refused, and may be corrected under a new id", () => {
    const driver = new Driver({ limits: smallLimits });
    const refused: Outcome = { type: "deadline-too-far" };
    const corrected = { deadline: driver.now + 10_000 };
    expect(driver.one(put("a", "1"), { id: "far", deadline: driver.now + 10_001 })).toEqual(refused);
    expect(driver.one(put("a", "1"), { id: "far", ...corrected })).toEqual(refused);
    expect(driver.one(put("a", "1"), { id: "near", ...corrected })).toMatchObject({ type: "put" });
  });
});

test("[T1] log time never goes back, whoever's clock makes the stamps", () => {
  const driver = new Driver();
  driver.one(put("a", "1"));
  driver.now -= 500;
  expect(driver.one(put("a", "2"), { deadline: startTime - 1 })).toEqual({ type: "past-deadline" });
  expect(driver.store.logTime).toBe(logTime(startTime));
});

describe("[X3] a session's commands are carried out in their order", () => {
  const order = (sequence: number, session = "s") => ({ order: { session, sequence } });

  test("[X3] an unknown session begins at 1, and each sequence follows the one before", () => {
    const driver = new Driver();
    expect(driver.one(put("a", "2"), order(2))).toEqual({ type: "out-of-order", expected: 1 });
    expect(driver.one(put("a", "1"), order(1))).toMatchObject({ type: "put" });
    expect(driver.one(put("a", "3"), order(3))).toEqual({ type: "out-of-order", expected: 2 });
    expect(driver.one(put("a", "2"), order(2))).toMatchObject({ type: "put" });
    expect(driver.one(put("a", "1"), order(1))).toEqual({ type: "out-of-order", expected: 3 });
    expect(driver.one(put("b", "1"), order(1, "another"))).toMatchObject({ type: "put" });
  });

  test("[X3] a refused command takes no place in the order: in its turn it is carried out under a new id", () => {
    const driver = new Driver();
    const early = driver.one(put("a", "2"), { id: "two", ...order(2) });
    expect(early).toEqual({ type: "out-of-order", expected: 1 });
    const commands = [
      driver.command(put("a", "1"), order(1)),
      driver.command(put("a", "2"), { id: "two", ...order(2) }),
      driver.command(put("a", "2"), { id: "two anew", ...order(2) }),
    ];
    expect(driver.apply(...commands)).toMatchObject([{ type: "put" }, early, { type: "put" }]);
    expect(driver.value("a")).toBe("2");
  });

  test("[X3] a retry of a command already carried out is told its outcome, and does not count again", () => {
    const driver = new Driver();
    const first = driver.one(put("a", "1"), { id: "one", ...order(1) });
    driver.one(put("a", "2"), order(2));
    expect(driver.one(put("a", "1"), { id: "one", ...order(1) })).toEqual(first);
    expect(driver.one(put("a", "3"), order(3))).toMatchObject({ type: "put" });
  });

  test("[X3] a failed condition takes its place in the order, a missed deadline does not", () => {
    const driver = new Driver();
    expect(driver.one(put("a", "1", { condition: { type: "present" } }), order(1))).toMatchObject({
      type: "condition-failed",
    });
    expect(driver.one(put("a", "2"), { ...order(2), deadline: driver.now - 1 })).toEqual({
      type: "past-deadline",
    });
    expect(driver.one(put("a", "2"), order(2))).toMatchObject({ type: "put" });
  });

  test("[X3] a session is forgotten after its life, and its row goes with later batches", () => {
    const driver = new Driver({ limits: smallLimits });
    driver.one(put("a", "1"), order(1));
    driver.now = startTime + 1_000;
    expect(driver.one(put("a", "2"), order(2))).toMatchObject({ type: "put" });
    driver.now = startTime + 2_001;
    expect(driver.one(put("a", "3"), order(3))).toEqual({ type: "out-of-order", expected: 1 });
    driver.now += 8_000_000;
    driver.apply();
    driver.apply();
    expect(driver.sql.all("SELECT 1 AS one FROM sessions")).toEqual([]);
  });
});
