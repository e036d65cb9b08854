/** Durations as Go writes and reads them: `10s`, `1h30m`, `1.5h`. In nanoseconds, since Consul's numbers are. Pure. */
const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const whole = /^[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const part = /([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)/g;
const largest = 2n ** 63n - 1n;
/** Longer than any duration needs to be. */
const mostCharacters = 64;

/** @returns nanoseconds, or null when Go's `time.ParseDuration` would not read it. */
export function durationOf(text: string): bigint | null {
  if (text === "0" || text === "+0" || text === "-0") return 0n;
  if (text.length > mostCharacters || !whole.test(text)) return null;
  let sum = 0n;
  for (const [, digits = "", fraction = "", unit = ""] of text.matchAll(part)) {
    const scale = units[unit] ?? 0n;
    sum += BigInt(digits === "" ? "0" : digits) * scale;
    if (fraction !== "") sum += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
  }
  if (sum > largest) return null;
  return text.startsWith("-") ? -sum : sum;
}

/** Whole milliseconds, rounded up: what was asked for is never cut short. */
export const millisecondsOf = (nanoseconds: bigint): number => Number((nanoseconds + 999_999n) / 1_000_000n);

/** As Go's `Duration.String` writes it: `1m30s`, `10s`, `1.5s`, `250ms`, `0s`. */
export function shownDuration(nanoseconds: bigint): string {
  if (nanoseconds < 0n) return `-${shownDuration(-nanoseconds)}`;
  if (nanoseconds === 0n) return "0s";
  const small = ["ns", "µs", "ms"].find((_, power) => nanoseconds < 1000n ** BigInt(power + 1));
  if (small !== undefined) return `${decimal(nanoseconds, units[small] ?? 1n)}${small}`;
  const [hour, minute] = [units["h"] ?? 1n, units["m"] ?? 1n];
  const [hours, minutes] = [nanoseconds / hour, (nanoseconds % hour) / minute];
  const seconds = `${decimal(nanoseconds % minute, units["s"] ?? 1n)}s`;
  if (hours > 0n) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0n ? `${minutes}m${seconds}` : seconds;
}

function decimal(value: bigint, unit: bigint): string {
  const fraction = String((value % unit) + unit)
    .slice(1)
    .replace(/0+$/, "");
  return `${value / unit}${fraction === "" ? "" : `.${fraction}`}`;
}
