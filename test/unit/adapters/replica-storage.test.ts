/** A replica's own row: when it is made, and what it keeps. */
import { describe, expect, it } from "vitest";
import { membersOf } from "../../../src/paxos/membership.ts";
import { ReplicaStorage } from "../../../workers/adapters/replica-storage.ts";
import { NodeSql } from "../../support/node-sql.ts";

const row = { namespace: "n", region: "wnam", round: 0, members: null };
const nothing = { round: null, members: null };
const members = membersOf([{ region: "wnam", incarnation: "i" }]);

describe("a replica's own row", () => {
  it("[F6] is not made for one that was only looked at", () => {
    const sql = new NodeSql();
    const storage = new ReplicaStorage(sql);
    expect(storage.keep(row, nothing, false)).toEqual(row);
    expect(storage.load()).toBeNull();
    expect(sql.tables).toEqual([]);
  });

  it("[E2] is made once the store has rows, though it never proposed: an alarm must find out who it wakes", () => {
    const sql = new NodeSql();
    new ReplicaStorage(sql).keep(row, nothing, true);
    expect(new ReplicaStorage(sql).load()).toEqual(row);
  });

  it("is not written again for nothing", () => {
    const sql = new NodeSql();
    const storage = new ReplicaStorage(sql);
    storage.keep(row, nothing, true);
    const before = sql.changes;
    storage.keep(row, nothing, true);
    expect(sql.changes).toBe(before);
  });

  it("[B2] keeps the highest round and the founded set, each when it changes", () => {
    const sql = new NodeSql();
    const storage = new ReplicaStorage(sql);
    const first = storage.keep(row, { round: 3, members: null }, false);
    storage.keep(first, { round: null, members }, false);
    expect(new ReplicaStorage(sql).load()).toEqual({ ...row, round: 3, members });
  });

  it("[L8] rows that were copied from another place are dropped, all of them", () => {
    const sql = new NodeSql();
    new ReplicaStorage(sql).keep(row, { round: 3, members }, true);
    sql.all("CREATE TABLE kv (key BLOB)");
    expect(new ReplicaStorage(sql).loadFor({ namespace: "n", region: "enam" })).toEqual({ ...row, region: "enam" });
    expect(sql.tables).toEqual([]);
  });

  it("are found again at their own place", () => {
    const sql = new NodeSql();
    const kept = new ReplicaStorage(sql).keep(row, { round: 3, members }, true);
    expect(new ReplicaStorage(sql).loadFor({ namespace: "n", region: "wnam" })).toEqual(kept);
    expect(new ReplicaStorage(new NodeSql()).loadFor({ namespace: "n", region: "wnam" })).toEqual(row);
  });
});
