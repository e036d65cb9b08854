/** Commands drawn from few keys, leases, sessions and ids, so that they meet: for logs that reach every rule. */
import type { Condition, Operation } from "../../../src/store/command.ts";
import { revision } from "../../../src/support/brand.ts";
import { integerBetween } from "../../../src/support/random.ts";
import type { Random } from "../../../src/support/random.ts";
import { expire, put, remove } from "./driver.ts";
import type { CommandParts } from "./driver.ts";

/** @param slot of the batch it is for: commands that end leases name one shortly before. */
export function randomOperation(random: Random, slot: number): Operation {
  const draw = (high: number) => integerBetween(random, 1, high);
  const name = `key${draw(5)}`;
  const lease = `lease${draw(3)}`;
  switch (draw(6)) {
    case 1:
      return remove(name, randomCondition(random));
    case 2:
      return expire(lease, Math.max(1, slot - draw(6)));
    case 3:
    case 4:
      return put(name, `value ${draw(2)}`, {
        condition: randomCondition(random),
        keepIfEqual: draw(2) === 1,
      });
    default:
      return put(name, `value ${draw(2)}`, { lease, ttlMs: draw(100), keepIfEqual: draw(2) === 1 });
  }
}

export function randomParts(random: Random, now: number): CommandParts {
  const draw = (high: number) => integerBetween(random, 1, high);
  const deadline = now + draw(300) - 20;
  const known = { id: `id${draw(8)}`, deadline };
  switch (draw(5)) {
    case 1:
      return known;
    case 2:
      return { ...known, fingerprint: `request ${draw(2)}`, deadline: now + draw(4) * 100 };
    case 3:
      return { deadline, order: { session: `session${draw(2)}`, sequence: draw(4) } };
    default:
      return { deadline };
  }
}

function randomCondition(random: Random): Condition {
  switch (integerBetween(random, 1, 6)) {
    case 1:
      return { type: "absent" };
    case 2:
      return { type: "present" };
    case 3:
      return { type: "unchanged-since", modRevision: revision(integerBetween(random, 1, 60)) };
    default:
      return { type: "always" };
  }
}
