/**
 * Explorer: visits every state that a model can reach, breadth first, so that the first violation found is one with the
 * fewest steps. Knows nothing of Paxos: a model says where it starts, what can happen next, when two states are the
 * same, and what must hold. Of each state visited it keeps 128 bits (`fingerprints.ts`), whence it came and by what.
 */
import { Fingerprints } from "./fingerprints.ts";

/** One thing that can happen, in words, and the state after it. */
export interface Successor<State> {
  readonly event: string;
  readonly state: State;
}

type Predicates<State> = Readonly<Record<string, (state: State) => boolean>>;

export interface Model<State> {
  readonly initial: State;
  successors(state: State): Iterable<Successor<State>>;
  /** States with the same text are the same state: whatever can change the future or an invariant must be in it. */
  canonical(state: State): string;
  /** True in every state, or the exploration ends there. */
  readonly invariants: Predicates<State>;
  /** True in some state, or the exploration has shown nothing. */
  readonly landmarks: Predicates<State>;
}

export interface Violation {
  /** The invariant's name, or `assertion` when the code under test threw. */
  readonly invariant: string;
  readonly detail: string;
  /** What happened, from the initial state on: no shorter run breaks it. */
  readonly trace: readonly string[];
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** Steps to the state furthest from the start. */
  readonly depth: number;
  /** In how many states each landmark holds. */
  readonly landmarks: Readonly<Record<string, number>>;
  /** Null: every reachable state was visited and every invariant holds in it. */
  readonly violation: Violation | null;
}

/** @param maxStates a larger model is a mistake in its budgets. @throws {RangeError} beyond it: nothing is cut short silently. */
export function explore<State>(model: Model<State>, maxStates = 5_000_000): Exploration {
  const visited = new Fingerprints();
  // For each state, in the order of discovery: which state it was reached from, and by which of the events.
  const parents: number[] = [];
  const causes: number[] = [];
  const events: string[] = [];
  const eventNumbers = new Map<string, number>();
  const invariants = Object.entries(model.invariants);
  const landmarks = Object.entries(model.landmarks);
  const reached: Record<string, number> = Object.fromEntries(landmarks.map(([name]) => [name, 0]));
  let transitions = 0;
  let depth = 0;

  const end = (violation: Violation | null): Exploration => ({
    states: visited.size,
    transitions,
    depth,
    landmarks: reached,
    violation,
  });
  const traceTo = (index: number): readonly string[] => {
    const trace: string[] = [];
    for (let at = index; at > 0; at = parents[at] ?? 0) trace.unshift(events[causes[at] ?? 0] ?? "");
    return trace;
  };
  /** @returns the name of the invariant that the new state breaks. */
  const enter = (state: State, parent: number, event: string): string | null => {
    let cause = eventNumbers.get(event);
    if (cause === undefined) {
      cause = events.push(event) - 1;
      eventNumbers.set(event, cause);
    }
    parents.push(parent);
    causes.push(cause);
    for (const [name, holds] of landmarks) if (holds(state)) reached[name] = (reached[name] ?? 0) + 1;
    return invariants.find(([, holds]) => !holds(state))?.[0] ?? null;
  };

  visited.add(model.canonical(model.initial));
  const broken = enter(model.initial, 0, "");
  if (broken !== null) return end({ invariant: broken, detail: "in the initial state", trace: [] });

  let frontier: readonly (readonly [number, State])[] = [[0, model.initial]];
  while (frontier.length > 0) {
    const following: [number, State][] = [];
    for (const [index, state] of frontier) {
      try {
        for (const { event, state: after } of model.successors(state)) {
          transitions += 1;
          if (!visited.add(model.canonical(after))) continue;
          if (visited.size > maxStates) throw new RangeError(`more than ${maxStates} states`);
          const entered = parents.length;
          const invariant = enter(after, index, event);
          if (invariant !== null) return end({ invariant, detail: event, trace: traceTo(entered) });
          following.push([entered, after]);
        }
      } catch (error) {
        if (error instanceof RangeError) throw error;
        return end({ invariant: "assertion", detail: String(error), trace: traceTo(index) });
      }
    }
    frontier = following;
    if (frontier.length > 0) depth += 1;
  }
  return end(null);
}
