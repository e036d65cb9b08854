/**
 * What a machine can make of the answers that wait for it. An answer that makes it send nothing is no step of the model:
 * nobody else can tell when it was read, and an answer that waits can still be read later. So answers are read, any of
 * them and in any order, just before the machine does something that others can see. That is the model's partial-order
 * reduction; what is learned in between is judged in every state all the same, for every such reading. `log.test.ts`
 * compares it with the model in which every reading is a step.
 */
import type { ChosenValue } from "../../../src/replica/messages.ts";
import type { Asked } from "./machine.ts";
import type { MachineState, Replay } from "./replay.ts";

/** An answer that waits to be read. */
export interface Waiting {
  readonly number: number;
  readonly asked: Asked;
  readonly key: string;
  readonly reply: string | null;
  readonly counter: number;
  /** In a trace. */
  readonly title: string;
}

export interface Reading {
  readonly state: MachineState;
  /** What was read. */
  readonly titles: string;
}

export interface Acted extends Reading {
  readonly sends: readonly Asked[];
}

export interface Readings {
  /** After any of the answers, in any order, none included; nothing was sent. */
  readonly quiet: readonly Reading[];
  /** The last answer read made it send. */
  readonly acted: readonly Acted[];
  /** All that can be learned so. */
  readonly learned: readonly ChosenValue[];
  readonly faults: readonly string[];
  readonly mostServed: number;
  /** Of those, reads before which something had been acknowledged. */
  readonly mostBinding: number;
}

export class Reader {
  readonly #replay: Replay;
  readonly #known = new Map<string, Readings>();

  constructor(replay: Replay) {
    this.#replay = replay;
  }

  /** @param chosen values that peers hand over in order; none where peers tell nothing. */
  readings(state: MachineState, waiting: readonly Waiting[], chosen: readonly ChosenValue[], now: number): Readings {
    const open = waiting.filter(({ key }) => state.open.has(key));
    let key = `${state.number},${now}`;
    for (const { number } of open) key += `,${number}`;
    for (const { slot, value } of chosen) key += `;${slot}=${value}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const readings = this.#read(state, open, chosen, now);
    this.#known.set(key, readings);
    return readings;
  }

  #read(from: MachineState, open: readonly Waiting[], chosen: readonly ChosenValue[], now: number): Readings {
    const quiet = new Map<number, Reading>([[from.number, { state: from, titles: "" }]]);
    const acted = new Map<number, Acted>();
    const note = (before: Reading, title: string, stepped: { state: MachineState; sends: readonly Asked[] }): void => {
      const { state, sends } = stepped;
      const reading = { state, titles: before.titles === "" ? title : `${before.titles}, ${title}` };
      if (sends.length > 0) {
        if (!acted.has(state.number)) acted.set(state.number, { ...reading, sends });
      } else if (!quiet.has(state.number)) quiet.set(state.number, reading);
    };
    // A map may grow while it is walked, and the walk comes to what was added.
    for (const reading of quiet.values()) {
      const { state } = reading;
      for (const { number, asked, key, reply, counter, title } of open) {
        if (!state.open.has(key)) continue;
        const input = { type: "answer", asked, reply, counter, now } as const;
        note(reading, title, this.#replay.step(state, `${number},${now}`, input));
      }
      const next = chosen.find(({ slot }) => slot === state.applied.length + 1);
      if (next === undefined) continue;
      const key = `learn ${next.slot}=${next.value},${now}`;
      note(reading, `learns slot ${next.slot}`, this.#replay.step(state, key, { type: "learn", entries: [next], now }));
    }
    const states = [...quiet.values()].map(({ state }) => state);
    return {
      quiet: [...quiet.values()],
      acted: [...acted.values()],
      learned: distinct(states.flatMap((state) => state.learned)),
      faults: [...new Set(states.flatMap((state) => state.faults))],
      mostServed: Math.max(...states.map((state) => state.served)),
      mostBinding: Math.max(...states.map((state) => state.binding)),
    };
  }
}

function distinct(entries: readonly ChosenValue[]): readonly ChosenValue[] {
  return [...new Map(entries.map((entry) => [`${entry.slot}=${entry.value}`, entry])).values()];
}
