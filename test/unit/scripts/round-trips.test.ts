/** A table of round trips is read strictly. */
import { describe, expect, it } from "vitest";
import { checkRoundTrips, parseRoundTrips, roundTrip } from "../../../scripts/links/round-trips.ts";

const regions = ["wnam", "apac-ne", "weur"];

describe("round trips", () => {
  it("hold both ways, and are none where nothing is said", () => {
    const table = checkRoundTrips({ "apac-ne-wnam": 120, "wnam-weur": 0.5 }, regions);
    expect(roundTrip(table, "wnam", "apac-ne")).toBe(120);
    expect(roundTrip(table, "apac-ne", "wnam")).toBe(120);
    expect(roundTrip(table, "weur", "wnam")).toBe(0.5);
    expect(roundTrip(table, "weur", "apac-ne")).toBe(0);
  });

  it.each([
    [{ "wnam-mars": 1 }, '"wnam-mars" is no pair'],
    [{ "wnam-wnam": 1 }, '"wnam-wnam" is no pair'],
    [{ wnam: 1 }, '"wnam" is no pair'],
    [{ "wnam-weur": -1 }, "from 0 to"],
    [{ "wnam-weur": "60" }, "from 0 to"],
    [{ "wnam-weur": null }, "from 0 to"],
    [{ "wnam-weur": 1e9 }, "from 0 to"],
    [{ "wnam-weur": 1, "weur-wnam": 1 }, "given twice"],
  ])("refuse %j", (table, complaint) => {
    expect(() => checkRoundTrips(table, regions)).toThrow(complaint);
  });

  it.each([
    ["{", "is not JSON"],
    ["[]", "must hold an object"],
    ["3", "must hold an object"],
  ])("refuse the text %s", (text, complaint) => {
    expect(() => parseRoundTrips(text, "rtt.json")).toThrow(complaint);
  });
});
