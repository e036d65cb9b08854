import { expect, test } from "vitest";
import { allOf } from "../../../src/store/ranges.ts";
import { Driver, key } from "./driver.ts";

test("[F6] a transaction that only reads finds nothing in an empty database, and writes nothing to it (seed 38)", () => {
  const { sql, store } = new Driver();
  const range = { key: key("a"), end: key("z") };
  const answer = store.readTransaction({
    compares: [{ range, result: "equal", operand: { type: "version", number: 0 } }],
    success: [{ type: "range", query: allOf(range) }],
    failure: [],
  });
  expect(answer).toEqual({
    succeeded: true,
    responses: [{ type: "range", entries: [], more: false, count: 0 }],
  });
  expect(sql.tables).toEqual([]);
});
