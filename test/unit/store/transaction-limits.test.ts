/** How much a transaction may look at, change and answer, and how much of that is remembered. */
import { describe, expect, test } from "vitest";
import type { Outcome, Refusal } from "../../../src/store/command.ts";
import type { Transaction } from "../../../src/store/transaction.ts";
import { revision } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { Driver, key, loadFrom, put, txn } from "./driver.ts";
import { deleteStep, exists, putStep, rangeFrom, rangeStep, transaction } from "./transactions.ts";

const refused = (why: Refusal, at: number): Outcome => ({
  type: "refused",
  why,
  revision: revision(at),
  compactedRevision: revision(0),
});

describe("maxima", () => {
  /** Keys of values of so many bytes each. */
  function large(count: number, bytes: number): Driver {
    const driver = new Driver();
    for (let n = 0; n < count; n += 1) driver.one(put(`k${String(n).padStart(4, "0")}`, "x".repeat(bytes)));
    return driver;
  }
  const most = limits.transactionResultBytes;

  test("[V2] what it answers is bounded, before anything is done", () => {
    const driver = large(3, most / 3);
    const changing = (...steps: Transaction["success"]) =>
      driver.one(txn(transaction([], [putStep("z", "1"), ...steps])));
    const before = driver.store.revision;
    const tooLarge = refused("result-too-large", before);
    expect(changing(rangeStep("k", "l"))).toEqual(tooLarge);
    expect(changing(rangeStep("k", "l", { limit: 3 }))).toEqual(tooLarge);
    expect(changing(deleteStep("k", "l", true))).toEqual(tooLarge);
    expect(changing(...["k0000", "k0001", "k0002"].map((name) => putStep(name, "", { previous: true })))).toEqual(
      tooLarge,
    );
    expect(driver.store.readTransaction(transaction([], [rangeStep("k", "l")]))).toBe("result-too-large");
    expect([driver.store.revision, driver.value("z")]).toEqual([before, null]);
    expect(changing(rangeStep("k", "l", { keysOnly: true }), rangeStep("k", "l", { countOnly: true }))).toMatchObject({
      responses: [{}, { entries: [{}, {}, {}] }, { count: 3, entries: [] }],
    });
    expect(changing(rangeStep("k", "l", { limit: 2 }))).toMatchObject({ type: "txn" });
    expect(changing(rangeStep("k", "l", { minMod: before - 1 }))).toMatchObject({ responses: [{}, { count: 3 }] });
    expect(changing(deleteStep("k", "l"))).toMatchObject({ responses: [{}, { deleted: 3 }] });
  });

  test("[V2] what its own steps put counts where later ones read it", () => {
    const driver = new Driver();
    const half = "x".repeat(most / 4);
    const steps = (reads: number) => [putStep("a", half), ...Array.from({ length: reads }, () => rangeStep("a"))];
    expect(driver.one(txn(transaction([], steps(4))))).toMatchObject({ why: "result-too-large" });
    expect(driver.one(txn(transaction([], steps(3))))).toMatchObject({ type: "txn" });
  });

  test("[V2] what earlier steps make room for under a limit counts too", () => {
    const driver = large(4, most / 3);
    for (const name of ["k0000", "k0001"]) driver.one(put(name, "small"));
    // By key, the first of which goes; by revision, the oldest of which becomes the newest.
    const first = rangeStep("k", "l", { limit: 2 });
    const oldest = rangeStep("k", "l", { limit: 2, sort: { target: "mod", descending: true } });
    expect(driver.one(txn(transaction([], [first, first])))).toMatchObject({ type: "txn" });
    expect(driver.one(txn(transaction([], [deleteStep("k0000", "k0002"), first, first])))).toMatchObject({
      why: "result-too-large",
    });
    const moving = [putStep("k0002", null), putStep("k0003", null), oldest, oldest];
    expect(driver.one(txn(transaction([], moving)))).toMatchObject({ why: "result-too-large" });
  });

  test("[V2] a value that is kept counts where its key comes to the front", () => {
    const driver = large(1, most / 3);
    for (const name of ["a", "b", "c"]) driver.one(put(name, "small"));
    const newest = rangeStep("a", "z", { limit: 1, sort: { target: "mod", descending: true } });
    expect(driver.one(txn(transaction([], [newest, newest, newest])))).toMatchObject({ type: "txn" });
    const steps = [putStep("k0000", null), newest, newest, newest];
    expect(driver.one(txn(transaction([], steps)))).toMatchObject({ why: "result-too-large" });
  });

  test("[V2] no more keys are deleted than one command may", () => {
    const driver = new Driver();
    const names = Array.from({ length: limits.deletedKeys + 1 }, (_, n) => String(n).padStart(6, "0"));
    for (let from = 0; from < names.length; from += 100) {
      driver.one(
        txn(
          transaction(
            [],
            names.slice(from, from + 100).map((name) => putStep(name, "")),
          ),
        ),
      );
    }
    const before = driver.store.revision;
    expect(driver.one(txn(transaction([], [deleteStep("0", "1")])))).toEqual(refused("too-many-keys", before));
    expect(driver.one(txn(transaction([], [deleteStep("0", "005"), deleteStep("005", "1")])))).toEqual(
      refused("too-many-keys", before),
    );
    expect(driver.one(txn(transaction([], [deleteStep("000001", "1")])))).toMatchObject({
      revision: before + 1,
      responses: [{ deleted: limits.deletedKeys }],
    });
    expect(driver.page("").entries).toHaveLength(1);
  });

  test("[V2] it looks at no more keys than bound the time of an apply", () => {
    const driver = new Driver();
    const names = Array.from({ length: 2000 }, (_, n) => String(n).padStart(6, "0"));
    for (let from = 0; from < names.length; from += 100) {
      driver.one(
        txn(
          transaction(
            [],
            names.slice(from, from + 100).map((name) => putStep(name, "")),
          ),
        ),
      );
    }
    const looks = (times: number) =>
      txn(transaction(Array.from({ length: times }, () => ({ ...exists("0"), range: rangeFrom("0", "1") }))));
    const enough = limits.transactionKeys / names.length;
    expect(driver.one(looks(enough))).toMatchObject({ succeeded: true });
    expect(driver.one(looks(enough + 1))).toMatchObject({ why: "too-many-keys" });
  });

  test("a batch has room for so much: what finds none is busy, and may be asked again", () => {
    const driver = large(1, 500_000);
    const reads = () => driver.command(txn(transaction([], [rangeStep("k", "l"), rangeStep("k", "l")])));
    const outcomes = driver.apply(...Array.from({ length: 6 }, reads));
    const busy = { type: "refused", why: "busy" };
    expect(outcomes).toMatchObject([{ type: "txn" }, { type: "txn" }, { type: "txn" }, { type: "txn" }, busy, busy]);
    expect(driver.apply(reads())).toMatchObject([{ type: "txn" }]);
  });

  test("a batch deletes no more keys than fit the memory of one apply", () => {
    const driver = new Driver();
    const half = limits.deletedKeys / 2;
    const name = (group: number, n: number) => `${group}/${String(n).padStart(6, "0")}`;
    for (let group = 0; group < 6; group += 1) {
      for (let from = 0; from < half; from += 100) {
        const steps = Array.from({ length: 100 }, (_, n) => putStep(name(group, from + n), ""));
        driver.one(txn(transaction([], steps)));
      }
    }
    const clear = (group: number) => driver.command(txn(transaction([], [deleteStep(`${group}/`, `${group}0`)])));
    const outcomes = driver.apply(...[0, 1, 2, 3, 4, 5].map(clear));
    expect(outcomes.map((outcome) => (outcome.type === "refused" ? outcome.why : outcome.type))).toEqual([
      "txn",
      "txn",
      "txn",
      "txn",
      "busy",
      "busy",
    ]);
    expect(driver.apply(clear(4), clear(5))).toMatchObject([{ type: "txn" }, { type: "txn" }]);
    expect(driver.page("").entries).toEqual([]);
  });
});

describe("[X1] what is remembered of a transaction", () => {
  /** Reads a value of so many bytes. */
  const reading = (bytes: number) => {
    const driver = new Driver();
    driver.one(put("a", "x".repeat(bytes)));
    const command = driver.command(txn(transaction([], [rangeStep("a"), putStep("b", "1")])), {
      id: "one",
      deadline: driver.now + 10_000,
    });
    return { driver, command };
  };

  test.each([
    ["small, in the batch's row", 100, 0],
    ["larger, in a row of its own", limits.briefOutcomeBytes, 1],
  ])("[X1] a retry is told all of what was answered: %s", (_, bytes, rows) => {
    const { driver, command } = reading(bytes);
    const [first] = driver.apply(command);
    expect(driver.sql.all("SELECT count(*) AS n FROM outcomes")).toEqual([{ n: rows }]);
    expect(first).toMatchObject({ type: "txn", responses: [{ entries: [{}] }, { type: "put" }] });
    driver.reopen();
    expect(driver.apply(command)).toEqual([first]);
    expect(loadFrom(driver).apply(command)).toEqual([first]);
  });

  test("[X1] of a large answer only that it was carried out", () => {
    const { driver, command } = reading(limits.rememberedOutcomeBytes);
    const [first] = driver.apply(command);
    expect(first).toMatchObject({ responses: [{ type: "range" }, { type: "put" }] });
    const later: Outcome = { type: "txn", revision: revision(3), succeeded: true, responses: null };
    expect(driver.apply(command)).toEqual([later]);
    driver.reopen();
    expect(driver.apply(command)).toEqual([later]);
    const copy = loadFrom(driver);
    expect(copy.store.digest()).toBe(driver.store.digest());
    expect(copy.apply(command)).toEqual([later]);
    expect(driver.store.get(key("b"))).toMatchObject({ version: 1 });
  });

  test("[X1] a batch's row stays within its bound, whatever its transactions read", () => {
    const driver = new Driver();
    driver.one(put("a", "x".repeat(limits.briefOutcomeBytes - 300)));
    const commands = Array.from({ length: 200 }, (_, n) =>
      driver.command(txn(transaction([], [rangeStep("a")])), { id: `id${n}`, deadline: driver.now + 10_000 }),
    );
    const outcomes = driver.apply(...commands);
    const [row] = driver.sql.all("SELECT length(outcomes) AS size FROM batches WHERE slot = 2");
    expect(Number(row?.["size"])).toBeLessThan(limits.batchRowOutcomeBytes + 200 * 64);
    const apart = Number(driver.sql.all("SELECT count(*) AS n FROM outcomes")[0]?.["n"]);
    expect(apart).toBeGreaterThan(100);
    expect(apart).toBeLessThan(200);
    driver.reopen();
    expect(driver.apply(...commands)).toEqual(outcomes);
  });
});
