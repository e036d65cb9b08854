import { describe, expect, test } from "vitest";
import { logTime, requestId } from "../../../src/support/brand.ts";
import { Driver, loadFrom, put, remove, smallLimits, startTime } from "./driver.ts";

describe("[X1] a command id is carried out at most once", () => {
  test("[X1] a retry is told the first outcome and changes nothing", () => {
    const driver = new Driver();
    const first = driver.one(put("a", "1"), { id: "one" });
    driver.one(put("a", "2"));
    expect(driver.one(put("a", "1"), { id: "one" })).toEqual(first);
    expect(driver.value("a")).toBe("2");
    expect(driver.store.revision).toBe(2);
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
    expect(driver.one(operation, parts)).toEqual({ type: "condition-failed", modRevision: 1 });
    driver.one(remove("a"));
    expect(driver.one(operation, parts)).toEqual({ type: "condition-failed", modRevision: 1 });
    driver.reopen();
    expect(driver.one(operation, parts)).toEqual({ type: "condition-failed", modRevision: 1 });
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
    expect(driver.store.revision).toBe(1);
  });

  test("[X2] a deadline no honest clock would set is refused, and may be corrected", () => {
    const driver = new Driver({ limits: smallLimits });
    const id = "far";
    expect(driver.one(put("a", "1"), { id, deadline: driver.now + 10_001 })).toEqual({
      type: "deadline-too-far",
    });
    expect(driver.one(put("a", "1"), { id, deadline: driver.now + 10_000 })).toMatchObject({ type: "put" });
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

  test("[X3] a refused command is not remembered: in its turn it is carried out", () => {
    const driver = new Driver();
    expect(driver.one(put("a", "2"), { id: "two", ...order(2) })).toMatchObject({ type: "out-of-order" });
    const commands = [
      driver.command(put("a", "1"), order(1)),
      driver.command(put("a", "2"), { id: "two", ...order(2) }),
    ];
    expect(driver.apply(...commands)).toMatchObject([{ type: "put" }, { type: "put" }]);
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
