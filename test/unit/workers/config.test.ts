/** What a deployment's variables say, and what they must not. */
import { describe, expect, it } from "vitest";
import { configOf } from "../../../workers/config.ts";

const variables = { SYNOD_REGIONS: "wnam,enam,weur", SYNOD_CLUSTER: "c" };

describe("the datacenter", () => {
  it("is called like the cluster unless it has a name of its own, in small letters", () => {
    expect(configOf({ ...variables, SYNOD_CLUSTER: "Mine" }).datacenter).toBe("mine");
    expect(configOf({ ...variables, SYNOD_DATACENTER: "DC1" }).datacenter).toBe("dc1");
    expect(configOf({ ...variables, SYNOD_DATACENTER: "" }).datacenter).toBe("c");
    for (const wrong of ["a b", "a.b", "-a", "x".repeat(64)]) {
      expect(() => configOf({ ...variables, SYNOD_DATACENTER: wrong })).toThrow("SYNOD_DATACENTER");
    }
  });
});

describe("the guard against mass expiry", () => {
  it("[H1] is there unless it is turned off", () => {
    expect(configOf(variables).expiryGuard).toEqual({ percent: 85, atLeast: 10, holdTtls: 3 });
    expect(configOf({ ...variables, SYNOD_MASS_EXPIRY_PERCENT: "" }).expiryGuard).toMatchObject({ percent: 85 });
    expect(configOf({ ...variables, SYNOD_MASS_EXPIRY_PERCENT: "100" }).expiryGuard).toBeNull();
  });

  it("takes each of its numbers from a variable", () => {
    const given = {
      SYNOD_MASS_EXPIRY_PERCENT: " 50 ",
      SYNOD_MASS_EXPIRY_LEAST: "3",
      SYNOD_MASS_EXPIRY_HOLD_TTLS: "100",
    };
    expect(configOf({ ...variables, ...given }).expiryGuard).toEqual({ percent: 50, atLeast: 3, holdTtls: 100 });
  });

  it.each([
    ["SYNOD_MASS_EXPIRY_PERCENT", "0"],
    ["SYNOD_MASS_EXPIRY_PERCENT", "101"],
    ["SYNOD_MASS_EXPIRY_PERCENT", "85.5"],
    ["SYNOD_MASS_EXPIRY_PERCENT", "85%"],
    ["SYNOD_MASS_EXPIRY_LEAST", "0"],
    ["SYNOD_MASS_EXPIRY_LEAST", "-1"],
    ["SYNOD_MASS_EXPIRY_LEAST", "99999999999999999999"],
    ["SYNOD_MASS_EXPIRY_HOLD_TTLS", "0"],
    ["SYNOD_MASS_EXPIRY_HOLD_TTLS", "101"],
    ["SYNOD_MASS_EXPIRY_HOLD_TTLS", "0x3"],
  ])("is refused by name where a number makes no sense: %s=%s", (name, value) => {
    expect(() => configOf({ ...variables, [name]: value })).toThrow(name);
  });
});
