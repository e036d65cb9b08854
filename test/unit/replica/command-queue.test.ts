/** The queue of waiting commands: order, joining, limits, and what a caller may be told when time runs out. */
import { beforeEach, describe, expect, it } from "vitest";
import { instant, requestId, revision, slot } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { commandKey, CommandQueue } from "../../../src/replica/command-queue.ts";
import { Turn } from "../../../src/replica/turn.ts";
import type { Outcome } from "../../../src/store/command.ts";

const key = (n: number, fingerprint?: string) =>
  commandKey({ id: requestId(`id${n}`), ...(fingerprint === undefined ? {} : { fingerprint }) });
const stand = (n: number) => ({ slot: slot(n), revision: revision(n), leader: "wnam" });
const outcome = (n: number): Outcome => ({ type: "deleted", existed: true, revision: revision(n) });
const until = instant(1_000);
let queue: CommandQueue;
let turn: Turn;

beforeEach(() => {
  queue = new CommandQueue();
  turn = new Turn(instant(0));
});
const add = (n: number, handle: number | null = n, encoded = `c${n}`) =>
  queue.addClient(key(n), encoded, until, handle);
const resolve = (n: number) => queue.resolve(turn, key(n), outcome(n), stand(n));

describe("the command queue", () => {
  it("gives commands away in the order they came", () => {
    for (const n of [3, 1, 2]) add(n);
    expect(queue.take().map((c) => c.encoded)).toEqual(["c3", "c1", "c2"]);
    expect(queue.take()).toEqual([]);
  });

  it("takes no more into one batch than fits, counted in bytes", () => {
    const half = "é".repeat(limits.batchBytes / 4 + 10);
    add(1, 1, half);
    add(2, 2, half);
    expect(queue.take()).toHaveLength(1);
    expect(queue.take()).toHaveLength(1);
  });

  it("[X1] the same id joins the command that is already here, and both callers are answered once", () => {
    add(1, 10);
    add(1, 11);
    expect(queue.take()).toHaveLength(1);
    resolve(1);
    resolve(1);
    expect(turn.replies.map((r) => r.handle)).toEqual([10, 11]);
  });

  it("[X1] the same id for another request is another command, for the store to refuse", () => {
    queue.addClient(key(1, "f"), "c1", until, 10);
    queue.addClient(key(1, "g"), "c2", until, 11);
    expect(queue.take().map((c) => c.encoded)).toEqual(["c1", "c2"]);
    queue.resolve(turn, key(1, "g"), { type: "id-reused" }, stand(1));
    expect(turn.replies).toMatchObject([{ handle: 11, body: { outcome: { type: "id-reused" } } }]);
  });

  it("[U1] a command past its deadline is refused if it left once, and is unknown if it left twice (seed 4)", () => {
    const late: Outcome = { type: "past-deadline" };
    add(1);
    queue.take();
    queue.resolve(turn, key(1), late, stand(1));
    add(2);
    queue.take();
    queue.requeue();
    queue.take();
    queue.resolve(turn, key(2), late, stand(2));
    expect(turn.replies.map((r) => r.body)).toMatchObject([
      { type: "outcome", outcome: late },
      { type: "failed", failure: "deadline-passed", outcome: "unknown" },
    ]);
  });

  it("[U1] a command that never left is told not-applied, and is gone for good", () => {
    add(1);
    const later = new Turn(until);
    queue.expire(later, "no-quorum", "why");
    expect(later.replies).toEqual([
      { handle: 1, body: { type: "failed", failure: "no-quorum", outcome: "not-applied", detail: "why" } },
    ]);
    expect(queue.take()).toEqual([]);
  });

  it("[U1] a command that left once is told unknown, even if it waits again", () => {
    add(1);
    queue.take();
    queue.requeue();
    const later = new Turn(until);
    queue.expire(later, "no-quorum", "why");
    expect(later.replies[0]?.body).toMatchObject({ outcome: "unknown" });
  });

  it("puts what was lost with a leader back in its old place", () => {
    for (const n of [1, 2, 3]) add(n);
    queue.take();
    add(4);
    queue.requeue([key(2), key(1)]);
    expect(queue.take().map((c) => c.key)).toEqual([key(1), key(2), key(4)]);
  });

  it("answers a forwarded group when all of it is known, in its order", () => {
    const commands = [1, 2].map((n) => ({ key: key(n), encoded: `c${n}`, known: null }));
    queue.addGroup(turn, 7, commands, until, false, stand(0));
    resolve(2);
    expect(turn.replies).toEqual([]);
    resolve(1);
    expect(turn.replies).toEqual([
      {
        handle: 7,
        body: {
          type: "results",
          outcomes: [outcome(1), outcome(2)],
          slot: slot(1),
          revision: revision(1),
          leader: "wnam",
        },
      },
    ]);
  });

  it("answers at once what the store remembers", () => {
    queue.addGroup(turn, 7, [{ key: key(1), encoded: "c1", known: outcome(5) }], until, false, stand(9));
    expect(turn.replies[0]?.body).toMatchObject({ type: "results", outcomes: [outcome(5)] });
    expect(queue.size).toBe(0);
  });

  it("sends forwarded groups away when it does not lead, but keeps its own clients' commands", () => {
    add(1);
    queue.addGroup(
      turn,
      7,
      [1, 2].map((n) => ({ key: key(n), encoded: `c${n}`, known: null })),
      until,
      false,
      stand(0),
    );
    queue.dropGroups(turn, "enam", true);
    expect(turn.replies).toEqual([{ handle: 7, body: { type: "not-leader", leader: "enam" } }]);
    expect(queue.take().map((c) => c.key)).toEqual([key(1)]);
  });

  it("refuses what is over its limits, whole groups at a time", () => {
    for (let n = 0; n < limits.waitingCommands; n += 1) add(n);
    expect(add(-1)).toBe("full");
    expect(add(1)).toBe("taken");
    expect(queue.addGroup(turn, 7, [{ key: key(-2), encoded: "c", known: null }], until, false, stand(0))).toBe("full");
  });
});
