/**
 * A broken twin: the real code with one mistake in it, made on purpose while the module is loaded. The check it names must
 * catch it; nothing in production code knows of it.
 */

/** Exact text in one file, and what stands in its place in the twin. */
export interface Edit {
  /** Path in the repository. */
  readonly file: string;
  /** Must occur exactly once: a twin whose text is gone or ambiguous is refused, so that none can rot silently. */
  readonly find: string;
  readonly replace: string;
}

export interface Twin extends Edit {
  readonly name: string;
  readonly area: string;
  /** The rule of SPEC.md that it breaks; or `liveness`: somebody waits for ever, or `bounds`: something grows for ever. */
  readonly rule: string;
  /** Why it is wrong, in one sentence. */
  readonly wrong: string;
  /** The other guards of the same rule, where one alone would still hold. */
  readonly also?: readonly Edit[];
  /** `simulation`: seed after seed of whole clusters; with those who live by the registry. Otherwise a test file, run once. */
  readonly check: "simulation" | "registry simulation" | `test/${string}.test.ts`;
  /** What the failure must say: caught by chance is not caught. */
  readonly expected: RegExp;
}

export const editsOf = (twin: Twin): readonly Edit[] => [twin, ...(twin.also ?? [])];

/** @throws {Error} when the text to replace does not occur exactly once. */
function applied({ file, find, replace }: Edit, source: string): string {
  const occurrences = source.split(find).length - 1;
  if (occurrences !== 1) throw new Error(`${file} has ${occurrences} times, not once: ${find}`);
  // A function, because `$` means something in a replacement text.
  return source.replace(find, () => replace);
}

/** All of its edits in one file, one after the other. */
export const appliedAll = (edits: readonly Edit[], source: string): string =>
  edits.reduce((text, edit) => applied(edit, text), source);
