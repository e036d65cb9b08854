/** Who waits for company, or for a gap, is woken in the end, though nothing else happens. */
import { expect, it } from "vitest";
import { instant, logTime, requestId, revision, slot } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { seededRandom } from "../../../src/support/random.ts";
import { AcceptorGroup } from "../../../src/replica/acceptor-group.ts";
import { commandKey, CommandQueue } from "../../../src/replica/command-queue.ts";
import { Leadership } from "../../../src/replica/leadership.ts";
import { Log } from "../../../src/replica/log.ts";
import { Calls, Turn } from "../../../src/replica/turn.ts";
import { Bench, members, read, regions } from "./bench.ts";

const place = { cluster: "c", namespace: "n", region: "wnam", acceptorRegions: regions, replicaRegions: regions };
const reached = { applied: slot(0), logTime: logTime(0), semantics: 1, caughtUp: true, wanted: false };

it("a command that waits for those who were answered is forwarded after its gap at the latest", () => {
  const calls = new Calls();
  const queue = new CommandQueue();
  const log = new Log(place, new AcceptorGroup(place, calls, members), "me", 0);
  const leadership = new Leadership(place, calls, log, queue, seededRandom(1), null);
  leadership.located("enam");
  const now = 1_800_000_000_000;
  const add = (name: string): void => {
    queue.addClient(commandKey({ id: requestId(name) }), name, instant(now + 60_000), 1);
  };
  const driveAt = (at: number): Turn => {
    const turn = new Turn(instant(at));
    leadership.drive(turn, reached, false);
    return turn;
  };
  for (const name of ["a", "b"]) add(name);
  expect(driveAt(now).sends).toHaveLength(1);
  const stand = { slot: slot(1), revision: revision(1), leader: "enam" };
  const reply = {
    type: "results",
    outcomes: [{ type: "past-deadline" }, { type: "past-deadline" }],
    ...stand,
  } as const;
  const purpose = { type: "forward", region: "enam", batch: 1 } as const;
  leadership.forwardAnswered(new Turn(instant(now + 1)), purpose, reply, instant(now));
  add("c");
  const waiting = driveAt(now + 1);
  const { wakeAt } = waiting.outcome(null);
  expect([waiting.sends, wakeAt]).toEqual([[], expect.any(Number)]);
  expect(wakeAt).toBeLessThanOrEqual(now + 1 + limits.forwardGapMs);
  expect(driveAt(wakeAt ?? 0).sends).toHaveLength(1);
});

it("a read that waits for those who were answered is asked for after its gap at the latest", () => {
  const bench = new Bench(seededRandom(1), members);
  bench.ask(1, read);
  bench.ask(2, read);
  bench.now += 1;
  bench.acceptorsHaveNothing();
  expect([bench.answered, bench.sent]).toEqual([[1], []]);
  const { wakeAt } = bench.step({ type: "wake" });
  expect(bench.sent).toEqual([]);
  expect(wakeAt).toBeLessThanOrEqual(bench.now + limits.barrierGapMs);
  bench.now = wakeAt ?? 0;
  bench.step({ type: "wake" });
  bench.acceptorsHaveNothing();
  expect(bench.answered).toEqual([1, 2]);
});
