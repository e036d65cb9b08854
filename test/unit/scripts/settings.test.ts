/** What the launchers make of their flags and of the environment, before anything is started. */
import { describe, expect, it } from "vitest";
import { readChecks } from "../../../scripts/runtime/flags.ts";
import { settingsBindings } from "../../../scripts/runtime/settings.ts";

describe("the settings of a local Synod", () => {
  it("has a readable name and nothing else unless it is told", () => {
    expect(settingsBindings({ checkPrivate: false, environment: { PATH: "/bin", SYNOD_TOKEN: "no" } })).toEqual({
      SYNOD_DATACENTER: "local",
    });
  });

  it("take the guard's numbers from the environment, and what checks may ask from the flag", () => {
    const environment = {
      SYNOD_MASS_EXPIRY_PERCENT: " 50 ",
      SYNOD_MASS_EXPIRY_LEAST: "",
      SYNOD_MASS_EXPIRY_HOLD_TTLS: "2",
    };
    expect(settingsBindings({ checkPrivate: true, environment })).toEqual({
      SYNOD_DATACENTER: "local",
      SYNOD_CHECK_PRIVATE: "true",
      SYNOD_MASS_EXPIRY_PERCENT: "50",
      SYNOD_MASS_EXPIRY_HOLD_TTLS: "2",
    });
  });

  it.each([
    ["SYNOD_MASS_EXPIRY_PERCENT", "0"],
    ["SYNOD_MASS_EXPIRY_LEAST", "ten"],
    ["SYNOD_MASS_EXPIRY_HOLD_TTLS", "101"],
  ])("are refused by name where a number makes no sense: %s=%s", (name, value) => {
    expect(() => settingsBindings({ environment: { [name]: value } })).toThrow(`${name} must be a whole number`);
  });

  it("--checks is public unless it says private, and nothing else", () => {
    expect([readChecks(undefined), readChecks("public"), readChecks("private")]).toEqual([false, false, true]);
    expect(() => readChecks("none")).toThrow('--checks must be public or private, not "none"');
  });
});
