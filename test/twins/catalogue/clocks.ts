/** Twins of time at one machine. */
import type { Twin } from "../twin.ts";

const area = "clocks";

export const clocks: readonly Twin[] = [
  {
    name: "waits-by-a-clock-that-goes-back",
    area,
    rule: "T3",
    wrong: "A pause begun before the clock was set back by an hour lasts that hour.",
    file: "src/replica/turn.ts",
    find: "else if (clock >= this.#clock) this.#now += clock - this.#clock;",
    replace: "else if (clock !== 0) this.#now = clock;",
    check: "simulation",
    expected: /\[(liveness|R4)\]/,
  },
  {
    name: "stamps-by-its-own-clock",
    area,
    rule: "T1",
    wrong: "A new leader whose clock is behind stamps its batches earlier than its predecessor's.",
    file: "src/replica/log.ts",
    find: "return logTime(Math.max(this.#lastStamp, stored, now - this.#clockLead));",
    replace: "return logTime(now - this.#clockLead);",
    check: "test/unit/replica/log.test.ts",
    expected: /\[T1\]/,
  },
];
