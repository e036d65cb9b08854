/**
 * Reading several ranges as they were at one moment: in one question where that fits, else page by page at one revision.
 * And when something last changed there, which only those ask who need it.
 */
import type { Revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import type { Consistency } from "../../src/replica/messages.ts";
import type { Entry } from "../../src/store/command.ts";
import { inKeyOrder, rangeStart } from "../../src/store/ranges.ts";
import type { KeyRange, RangeQuery } from "../../src/store/transaction.ts";
import { Problem } from "../gateway/problems.ts";
import { read } from "../gateway/reads.ts";
import type { Read } from "../gateway/reads.ts";
import type { Visit } from "../gateway/visit.ts";
import { ConsulError } from "./errors.ts";

export interface Snapshot {
  /** What each range holds, in the order of keys. */
  readonly ranges: readonly (readonly Entry[])[];
  readonly revision: Revision;
  readonly headers: Read<"range">["headers"];
}

/** @throws {ConsulError} when it is more than one answer may hold. */
export async function snapshotOf(
  visit: Visit,
  consistency: Consistency,
  queries: readonly RangeQuery[],
): Promise<Snapshot> {
  try {
    return await atOnce(visit, consistency, queries);
  } catch (error) {
    if (!(error instanceof Problem) || !["result-too-large", "too-many-keys"].includes(error.code)) throw error;
    return pageByPage(visit, consistency, queries);
  }
}

async function atOnce(visit: Visit, consistency: Consistency, queries: readonly RangeQuery[]): Promise<Snapshot> {
  const success = queries.map((query) => ({ type: "range", query }) as const);
  const asked = { type: "transaction", transaction: { compares: [], success, failure: [] } } as const;
  const { result, revision, headers } = await read(visit, consistency, asked, "transaction");
  const ranges = result.responses.map((response) => (response.type === "range" ? response.entries : []));
  return { ranges, revision, headers };
}

async function pageByPage(visit: Visit, consistency: Consistency, queries: readonly RangeQuery[]): Promise<Snapshot> {
  const ranges: Entry[][] = [];
  let first: Read<"range"> | null = null;
  let bytes = 0;
  for (const query of queries) {
    const entries: Entry[] = [];
    for (let place = rangeStart; ;) {
      const left = query.limit === 0 ? 0 : query.limit - entries.length;
      // Later pages belong to the revision of the first: whoever is that far will do.
      const range = { ...query, limit: left, revision: first === null ? query.revision : first.revision };
      const level = first === null ? consistency : ({ type: "session", atLeast: first.revision } as const);
      const page: Read<"range"> = await read(visit, level, { type: "range", range, place }, "range");
      first ??= page;
      entries.push(...page.result.range.entries);
      bytes += page.result.range.entries.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
      if (bytes > limits.consulAnswerBytes) throw tooLarge();
      const last = entries.at(-1);
      if (!page.result.range.more || last === undefined || entries.length === query.limit) break;
      place = inKeyOrder(query) ? { after: last.key, skip: 0 } : { after: null, skip: entries.length };
    }
    ranges.push(entries);
  }
  if (first === null) throw new Error("a snapshot is one of something");
  return { ranges, revision: first.revision, headers: first.headers };
}

const tooLarge = (): ConsulError =>
  new ConsulError(413, `the answer is too large: at most ${limits.consulAnswerBytes} bytes of keys and values`);

/**
 * When each range changed last, deletions included, as of a revision that was read before: a later change is told as that
 * very revision, which is as good to wait on. 0 where nothing is known.
 */
export async function lastChanges(
  visit: Visit,
  ranges: readonly KeyRange[],
  asOf: Revision,
): Promise<readonly number[]> {
  const revisions: number[] = [];
  for (let at = 0; at < ranges.length; at += limits.pageKeys) {
    const asked = { type: "last-changes", ranges: ranges.slice(at, at + limits.pageKeys) } as const;
    const { result } = await read(visit, { type: "session", atLeast: asOf }, asked, "last-changes");
    revisions.push(...result.revisions.map((one) => Math.min(one, asOf)));
  }
  return revisions;
}
