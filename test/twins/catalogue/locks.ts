/** Twins of queues: who holds a lock, and what a token is worth. */
import type { Twin } from "../twin.ts";

const area = "locks";
const operations = "src/store/operations.ts";

export const locks: readonly Twin[] = [
  {
    name: "guards-nothing",
    area,
    rule: "K1",
    wrong: "Who stalled until its lock was another's writes as if it were still its own.",
    file: "src/store/store.ts",
    find: "(command.guard === undefined ? null : this.#operations.guardRefuses(command.guard, turn)) ??",
    replace: "",
    check: "simulation",
    expected: /\[K1\] lockSafety/,
  },
  {
    name: "guards-by-name-only",
    area,
    rule: "K1",
    wrong: "Somebody holds the lock, but not with this token.",
    file: operations,
    find: "return first?.createRevision === token ? null",
    replace: "return first !== null ? null",
    check: "simulation",
    expected: /\[K1\] lockSafety/,
  },
  {
    name: "judges-a-guard-before-it-is-chosen",
    area,
    rule: "K1",
    wrong: "The lock is held when the write is asked for, and another's when it is carried out.",
    file: "src/replica/replica.ts",
    find: "...(guard === undefined ? {} : { guard }),",
    replace: "",
    check: "simulation",
    expected: /\[K1\] lockSafety/,
  },
  {
    name: "names-a-place-by-the-queues-length",
    area,
    rule: "K1",
    wrong: "After the first one has left, the next to come gets the name of one who waits, and takes its place.",
    file: operations,
    find: "const key = placeKey(queue, turn.revision);",
    replace: "const key = placeKey(queue, revision(ranges.count(prefixRange(queue), turn.revision) + 1));",
    check: "simulation",
    expected: /\[(K1|E1|L2|L3|X1)\]/,
  },
  {
    name: "sorts-places-like-words",
    area,
    rule: "K1",
    wrong: "Who came last goes before who came first, and tokens go back.",
    file: "src/store/queues.ts",
    find: `.padStart(placeDigits, "0")`,
    replace: "",
    check: "simulation",
    expected: /\[(K1|L3|E1)\]/,
  },
  {
    name: "gives-one-lease-two-places",
    area,
    rule: "K1",
    wrong: "Who asks again because nobody answered waits twice, and later finds itself behind itself.",
    file: operations,
    find: "const mine = places.find((token) => token !== null) ?? null;",
    replace: "const mine = places.length < 0 ? (places[0] ?? null) : null;",
    check: "simulation",
    expected: /\[(K1|X1|R1)\]/,
  },
];
