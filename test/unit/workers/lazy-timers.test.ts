/** Timers that share one of the runtime's: each rings in its time, and those that are cancelled set none. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { lazyTimersOf } from "../../../workers/gateway/lazy-timers.ts";
import type { Visit } from "../../../workers/gateway/visit.ts";
import { visitWith } from "./visit.ts";

let set = 0;
const newVisit = (): Visit => ({
  ...visitWith(async () => Promise.resolve(null)),
  now: () => Date.now(),
  after(ms, then) {
    set += 1;
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
});

beforeEach(() => {
  vi.useFakeTimers();
  set = 0;
});
afterEach(() => void vi.useRealTimers());

describe("timers that share one", () => {
  it("ring each in its time, whatever order they were set in", () => {
    const timers = lazyTimersOf(newVisit());
    const rung: number[] = [];
    for (const ms of [300, 100, 200, 100]) timers.after(ms, () => rung.push(ms));
    vi.advanceTimersByTime(99);
    expect(rung).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(rung).toEqual([100, 100]);
    vi.advanceTimersByTime(200);
    expect(rung).toEqual([100, 100, 200, 300]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("set no other when they are cancelled and set again", () => {
    const timers = lazyTimersOf(newVisit());
    const rung = vi.fn<() => void>();
    for (let i = 0; i < 100; i += 1) {
      timers.after(1_000, rung)();
      vi.advanceTimersByTime(1);
    }
    expect(set).toBe(1);
    timers.after(1_000, rung);
    vi.advanceTimersByTime(999);
    expect(rung).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(rung).toHaveBeenCalledTimes(1);
    expect(set).toBe(2);
  });

  it("are those of one request", () => {
    const visit = newVisit();
    expect(lazyTimersOf(visit)).toBe(lazyTimersOf(visit));
    expect(lazyTimersOf(visit)).not.toBe(lazyTimersOf(newVisit()));
  });
});
