/** Twins of a replica's WebSockets: some, or all of very many, are told too early, too often, or not at all. */
import type { Twin } from "../twin.ts";

const area = "many-sockets";
const replica = "workers/objects/replica.ts";
const file = "workers/objects/watch-sockets.ts";
const unit = "test/runtime/many-sockets.test.ts";

export const manySockets: readonly Twin[] = [
  {
    name: "says-how-far-before-it-has-told",
    area,
    rule: "N4",
    wrong: "While many still wait for their timer, one that asks hears where the store stands before what happened.",
    file: replica,
    find: "if (this.#toldSlot !== running.store.appliedSlot) this.#tell(running);",
    replace: "",
    check: unit,
    expected: /\[N4\] says how far it has told only after it has/,
  },
  {
    name: "tells-only-as-many-as-at-once",
    area,
    rule: "N2",
    wrong: "Of more sockets than are told within the turn, the others are told nothing at all.",
    file,
    find: "for (const watcher of this.#watchers.values()) {",
    replace: "for (const watcher of [...this.#watchers.values()].slice(0, limits.watchSocketsToldAtOnce)) {",
    check: "test/runtime/watch-sockets.test.ts",
    expected: /tells many sockets, each all of it/,
  },
  {
    name: "tells-many-no-more-than-once",
    area,
    rule: "N2",
    wrong: "A timer that rang is taken for one that will: the next write is told to nobody.",
    file: replica,
    find: "this.#tellsSoon = false;\n      this.#tell(running);",
    replace: "this.#tell(running);",
    check: unit,
    expected: /\[N1\] \[N2\] tells each of many every write/,
  },
  {
    name: "sets-no-timer-for-many",
    area,
    rule: "N2",
    wrong: "Many are told once the next write comes, and not of this one.",
    file: replica,
    find: "if (this.#sockets.size > limits.watchSocketsToldAtOnce) this.#tellSoon(running);\n    else this.#tell(running);",
    replace: "if (this.#sockets.size <= limits.watchSocketsToldAtOnce) this.#tell(running);",
    check: unit,
    expected: /\[N1\] \[N2\] tells each of many every write/,
  },
  {
    name: "tells-again-what-it-told-before-it-slept",
    area,
    rule: "N1",
    wrong: "A place that is not written down with what was sent is, to the woken object, still to be told from.",
    file,
    find: "        this.#save(watcher);\n        if (!this.#sendText(watcher, page.text)) return;",
    replace: "        if (!this.#sendText(watcher, page.text)) return;",
    check: unit,
    expected: /\[N1\] \[N3\] tells nobody again what it had told before it slept/,
  },
];
