/**
 * Watches on both sides: opened at some revision, left open while other operations go on, and closed once both have told
 * everything up to a mark: a put and a deletion within the range, of which each watch is told one at least.
 */
import { isDeepStrictEqual } from "node:util";
import { integerBetween } from "../../../src/support/random.ts";
import type { Action } from "./actions.ts";
import { chance, int64, maybe, oneOf, rangeIn, revisionOf } from "./choices.ts";
import type { Stream } from "./endpoint.ts";
import { normalisedLine } from "./normalise.ts";
import { memberOf } from "./run.ts";
import type { Run } from "./run.ts";

interface Open {
  readonly sent: string;
  readonly key: string;
  readonly start: number;
  readonly etcd: Stream;
  readonly synod: Stream;
}

const open = new WeakMap<Run, Open[]>();
const openOf = (run: Run): Open[] => {
  const known = open.get(run) ?? [];
  open.set(run, known);
  return known;
};

const resultsOf = (lines: readonly unknown[]): readonly unknown[] => lines.map((line) => memberOf(line, "result"));

export const openWatch: Action = async (run) => {
  const { random } = run;
  const others = openOf(run);
  if (others.length >= 4) return closeWatch(run);
  const range = rangeIn(random);
  // A revision that is only just kept is a matter of its own: etcd has thrown away deletions that happened then.
  const drawn = revisionOf(run);
  const start = chance(random, 0.4) || drawn === run.compacted ? 0 : drawn;
  const body = {
    ...range,
    ...(start === 0 ? {} : { start_revision: int64(random, start) }),
    ...maybe(random, 0.4, () => ({ prev_kv: true })),
    ...maybe(random, 0.3, () => ({ filters: [oneOf(random, ["NOPUT", "NODELETE", 0, 1])] })),
    ...maybe(random, 0.2, () => ({ watch_id: integerBetween(random, 1, 9) })),
    ...maybe(random, 0.1, () => ({ fragment: true })),
  };
  const sent = JSON.stringify({ create_request: body });
  const [etcd, synod] = [run.etcd.stream("/v3/watch", sent), run.synod.stream("/v3/watch", sent)];
  // "From now on" begins before anything else is done.
  await Promise.all([etcd, synod].map(async (stream) => stream.until((lines) => lines.length > 0)));
  run.watchOpenedAt = performance.now();
  others.push({ sent, key: range.key, start, etcd, synod });
};

/** Of a stream: everything but events as it came, and all events in one list, however they were put into messages. */
function toldBy(run: Run, side: "etcd" | "synod", stream: Stream): object {
  const results = resultsOf(stream.lines.map((line) => normalisedLine(line, run[side])));
  // Signs of life, whoever gives them when.
  const isProgress = (one: unknown): boolean =>
    typeof one === "object" && one !== null && Object.keys(one).every((name) => ["header", "watch_id"].includes(name));
  const isEvents = (one: unknown): boolean => memberOf(one, "events") !== undefined;
  const events = results.filter(isEvents).flatMap((one) => memberOf(one, "events"));
  return {
    others: results.filter((one) => !isEvents(one) && (memberOf(one, "watch_id") === "-1" || !isProgress(one))),
    events,
    errors: stream.lines.filter((line) => memberOf(line, "error") !== undefined),
  };
}

const toldRevision = (lines: readonly unknown[]): number => {
  const events = resultsOf(lines).flatMap((one) => (memberOf(one, "events") ?? []) as readonly unknown[]);
  return Number(memberOf(memberOf(events.at(-1), "kv"), "mod_revision") ?? 0);
};

const isOver = (lines: readonly unknown[]): boolean =>
  resultsOf(lines).some((one) => memberOf(one, "canceled") === true);

export const closeWatch: Action = async (run) => {
  const closing = openOf(run).shift();
  if (closing === undefined) return;
  const { sent, key, start, etcd, synod } = closing;
  const marked = await run.call("put", "/v3/kv/put", { key, value: "bWFyaw==" });
  const mark = Number(memberOf(memberOf(marked.body, "header"), "revision"));
  await run.call("deleterange", "/v3/kv/deleterange", { key });
  // Watches that begin beyond the mark are told nothing; that takes no waiting for.
  const done = (lines: readonly unknown[]): boolean => isOver(lines) || toldRevision(lines) >= mark || start > mark + 1;
  await Promise.all([etcd, synod].map(async (stream) => stream.until(done)));
  // The mark's deletion may still be on its way to one of them.
  const same = (): boolean => isDeepStrictEqual(toldBy(run, "etcd", etcd), toldBy(run, "synod", synod));
  await Promise.all([etcd, synod].map(async (stream) => stream.until(same, 2_000)));
  run.compare("watch", `/v3/watch ${sent}`, toldBy(run, "etcd", etcd), toldBy(run, "synod", synod));
  etcd.close();
  synod.close();
};

export const closeWatches: Action = async (run) => {
  while (openOf(run).length > 0) await closeWatch(run);
};

/** One stream with several watches: numbers, cancelling, progress, and what it says of mistakes. */
export const watchControl: Action = async (run) => {
  const { random } = run;
  const requests = Array.from({ length: integerBetween(random, 2, 6) }, () =>
    oneOf(random, [
      { create_request: { key: "~~", watch_id: 0 } },
      { create_request: { key: "fn5+", watch_id: integerBetween(random, 0, 3) } },
      { create_request: { key: "fn5+", range_end: "AA==", watchId: String(integerBetween(random, 0, 3)) } },
      { create_request: { key: "fn5+", range_end: "fg==" } },
      { create_request: {} },
      { cancel_request: { watch_id: integerBetween(random, 0, 3) } },
      { cancel_request: {} },
      { progress_request: {} },
      {},
      { nobodyKnows: 1 },
    ]),
  ).filter(({ create_request: create }) => create?.key !== "~~");
  // The last one is answered, so all before it were.
  const last = { create_request: { key: "fn5+", watch_id: 999 } };
  const sent = [...requests, last].map((one) => JSON.stringify(one)).join(oneOf(random, ["", "\n", "  "]));
  const streams = { etcd: run.etcd.stream("/v3/watch", sent), synod: run.synod.stream("/v3/watch", sent) };
  const done = (lines: readonly unknown[]): boolean =>
    resultsOf(lines).some((one) => memberOf(one, "watch_id") === "999");
  await Promise.all(Object.values(streams).map(async (stream) => stream.until(done)));
  run.compare(
    "watch control",
    `/v3/watch ${sent}`,
    toldBy(run, "etcd", streams.etcd),
    toldBy(run, "synod", streams.synod),
  );
  streams.etcd.close();
  streams.synod.close();
};
