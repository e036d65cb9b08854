/** What is proposed about a lease that is due. When leases are looked after, the replica's own tests show. */
import { describe, expect, it } from "vitest";
import { Expiry } from "../../../src/replica/expiry.ts";
import type { Lease } from "../../../src/store/leases.ts";
import { instant, leaseId, logTime } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { seededRandom } from "../../../src/support/random.ts";

const guard = { percent: 85, atLeast: 10, holdTtls: 3 };
const lease: Lease = {
  ...{ id: leaseId("L"), ttlMs: 5, renewal: 7, renewedAt: 100, granted: false },
  ...{ herd: "west", heldUntil: null },
};

describe("the end of a lease", () => {
  it.each([
    ["of a herd", lease, guard, { guard }],
    ["of a herd, where nothing is guarded", lease, null, {}],
    ["of no herd", { ...lease, herd: null }, guard, {}],
    ["that was held before", { ...lease, heldUntil: 120 }, guard, {}],
  ])("[H1] %s is proposed with what it is to be judged by", (_, one, given, expected) => {
    const store = { logTime: logTime(500) };
    const command = new Expiry(given).commandFor(one, instant(400), store, seededRandom(1));
    expect(command.operation).toEqual({ type: "expire", lease: "L", renewal: 7, ...expected });
    expect([command.id.startsWith("expire/"), command.deadline]).toEqual([true, 500 + limits.commandLifeMs]);
  });
});
