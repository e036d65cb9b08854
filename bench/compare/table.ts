/** What `npm run bench` prints: medians with the lowest and the highest, and ratios of turns that lay side by side. Pure. */
import { median } from "../report.ts";
import type { Series, Turn } from "./measure.ts";

export interface Row {
  readonly title: string;
  readonly connections: string;
  readonly subject: Series;
  readonly rival?: Series | undefined;
  /** What the runtime could do at best: a Worker, an empty object call, an object's row. */
  readonly ceilings?: readonly (Series | undefined)[];
}

export const head = [
  "load",
  "connections",
  "Synod, per s",
  "etcd, per s",
  "Synod/etcd",
  "Synod p50, p99, ms",
  "etcd p50, p99, ms",
  "Synod CPU, µs each (links)",
  "etcd CPU, µs each",
  "share of Worker, object, row",
] as const;

export function cells({ title, connections, subject, rival, ceilings = [] }: Row): readonly string[] {
  return [
    title,
    connections,
    rates(subject),
    rates(rival),
    rival === undefined ? "" : spread(ratios(subject, rival), 2),
    latencies(subject),
    latencies(rival),
    processorTime(subject),
    processorTime(rival),
    ceilings.map((ceiling) => share(subject, ceiling)).join(", "),
  ];
}

/** Of each round, then the median: what slowed one down slowed the other. */
function ratios(subject: Series, rival: Series): readonly number[] {
  return subject.turns.map(({ perSecond }, round) => perSecond / (rival.turns[round]?.perSecond ?? Number.NaN));
}

export function spread(values: readonly number[], digits: number): string {
  const [middle, low, high] = [median(values), Math.min(...values), Math.max(...values)].map((one) =>
    one.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: digits }),
  );
  return values.length === 1 ? (middle ?? "") : `${middle} (${low}-${high})`;
}

const middle = (series: Series, of: (turn: Turn) => number | undefined): number =>
  median(series.turns.map((turn) => of(turn) ?? Number.NaN));

const rates = (series: Series | undefined): string =>
  series === undefined
    ? ""
    : spread(
        series.turns.map(({ perSecond }) => perSecond),
        0,
      );

const latencies = (series: Series | undefined): string =>
  series === undefined
    ? ""
    : `${middle(series, ({ p50Ms }) => p50Ms).toFixed(2)}, ${middle(series, ({ p99Ms }) => p99Ms).toFixed(2)}`;

function processorTime(series: Series | undefined): string {
  if (series?.turns[0]?.cpuUs === undefined) return "";
  const links = middle(series, ({ linksUs }) => linksUs);
  return `${middle(series, ({ cpuUs }) => cpuUs).toFixed(0)}${links > 0 ? ` (${links.toFixed(0)})` : ""}`;
}

function share(subject: Series, ceiling: Series | undefined): string {
  if (ceiling === undefined) return "-";
  const [reached, possible] = [subject, ceiling].map((one) => middle(one, ({ perSecond }) => perSecond));
  return `${((100 * (reached ?? 0)) / (possible ?? 0)).toFixed(0)} %`;
}
