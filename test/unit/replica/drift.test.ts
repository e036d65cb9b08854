/** Where leadership should go, from where commands come. */
import { beforeEach, describe, expect, it } from "vitest";
import { instant } from "../../../src/support/brand.ts";
import { Drift } from "../../../src/replica/drift.ts";
import type { DriftRule } from "../../../src/replica/drift.ts";

const rule: DriftRule = { windowMs: 1_000, commands: 20, share: 0.75, restMs: 3_000 };
const began = 1_800_000_000_000;

let drift: Drift;
beforeEach(() => {
  drift = new Drift(rule, "wnam");
  drift.begin(instant(began));
});

/** One window full of commands, and the first one of the next, from here, at which the window is judged. */
function window(start: number, from: Readonly<Record<string, number>>): string | null {
  for (const [region, commands] of Object.entries(from)) drift.came(region, commands, instant(began + start));
  drift.came("wnam", 1, instant(began + start + rule.windowMs));
  return drift.heir;
}

describe("a leader", () => {
  it("names the region that sends most of what arrives", () => {
    expect(window(4_000, { weur: 19, wnam: 2, enam: 1 })).toBe("weur");
  });

  it("names nobody while leadership has only just moved", () => {
    expect(window(0, { weur: 100 })).toBeNull();
    expect(window(1_900, { weur: 100 })).toBeNull();
    expect(window(3_000, { weur: 100 })).toBe("weur");
  });

  it("names nobody for too few commands, or for too small a share of them", () => {
    expect(window(4_000, { weur: 18 })).toBeNull();
    expect(window(6_000, { weur: 74, enam: 26 })).toBeNull();
    expect(window(8_000, { weur: 76, enam: 24 })).toBe("weur");
  });

  it("keeps what comes from its own clients", () => {
    expect(window(4_000, { wnam: 100, weur: 1 })).toBeNull();
  });

  it("thinks again in each window", () => {
    expect(window(4_000, { weur: 100 })).toBe("weur");
    expect(window(6_000, { weur: 10, wnam: 10 })).toBeNull();
  });

  it("names nobody where leadership is to stay", () => {
    drift = new Drift(null, "wnam");
    expect(window(4_000, { weur: 100 })).toBeNull();
  });
});
