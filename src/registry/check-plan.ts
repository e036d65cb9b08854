/**
 * What a Checker does and when: which checks it looks after, when each is run, which results change a status, which
 * instances have been critical for too long. Stepped by its shell (workers/objects/checker.ts) with what happened; tells it
 * what to keep, ask, run, write and remove, and when to wake it. Knows no clock but the one it is told.
 *
 * Between two wakings the shell may lose its memory, and usually does: what must outlast that is in `Kept`, of which a
 * check that is as it was has none, so that running it writes nothing.
 */
import { limits } from "../support/limits.ts";
import { isRun, judge } from "./check-results.ts";
import type { ActiveCheck } from "./check-results.ts";
import { deadAfter, dueAfter, hashOf, lookEvery, momentAfter } from "./check-times.ts";
import { isTended } from "./health.ts";
import type { CheckPlace, CheckState, InstanceName, NodeName, ServiceName } from "./model.ts";

/** What is remembered of a check that is not as it was. */
export interface Kept {
  readonly streak: number;
  /** Since when its instance is to be removed some time after; by the shell's clock. */
  readonly criticalSince: number | null;
  /** The revision that made it critical, or made it at all: with another one it begins anew. */
  readonly revision: number | null;
}

/** A check and its name among all that there are. */
export interface Named<Of = CheckPlace> {
  readonly name: string;
  readonly of: Of;
}
export interface Run extends Named {
  readonly definition: ActiveCheck;
}
/** An instance whose check has been critical for long enough. */
export type Dead = CheckPlace & {
  readonly service: ServiceName;
  readonly instance: InstanceName;
  readonly node: NodeName;
};

export type PlanEvent =
  /** A check is about to be registered: it must be found, although it is not there yet. */
  | { readonly type: "arm" }
  | { readonly type: "wake" }
  /** Everything there is to look after, at that revision. */
  | { readonly type: "listed"; readonly checks: readonly CheckPlace[]; readonly revision: number }
  /** Nothing has changed since the last list. */
  | { readonly type: "unchanged" }
  | { readonly type: "unlisted" }
  | { readonly type: "ran"; readonly run: Run; readonly state: CheckState }
  /** `revision` null: it is not known to be written. */
  | { readonly type: "written"; readonly name: string; readonly state: CheckState; readonly revision: number | null }
  | { readonly type: "removed"; readonly name: string; readonly done: boolean };

/** To be carried out in this order. */
export interface PlanOutcome {
  /** By name; null: to be forgotten. Durable before anything else is done. */
  readonly keep: ReadonlyMap<string, Kept | null>;
  /** Null: not changed. 0: armed no more. */
  readonly armedUntil: number | null;
  /** What to look at: one's own replica, or what everybody knows. Answered by `listed`, `unchanged` or `unlisted`. */
  readonly look: "near" | "certain" | null;
  readonly run: readonly Run[];
  readonly write: readonly (Named & { readonly state: CheckState })[];
  readonly remove: readonly Named<Dead>[];
  /** Null: nothing is left to be done, and nothing to be remembered. */
  readonly wakeAt: number | null;
}

interface Entry {
  place: CheckPlace;
  /** The definition's, to notice another one of the same name. */
  readonly form: string;
  /** Of its name: every step looks at all that wait. */
  readonly hash: number;
  /** When it is due; Infinity for a check that nobody runs. */
  nextAt: number;
  running: boolean;
  writing: boolean;
  removing: boolean;
  removeAt: number;
  streak: number;
  criticalSince: number | null;
  revision: number | null;
  /** A list older than this does not know what was written last. */
  writtenRevision: number;
  writtenAt: number;
}

/** Timers ring early by a little. */
const slackMs = 50;

export const nameOf = ({ node, service, instance, view }: CheckPlace): string =>
  [node.toLowerCase(), service ?? "", instance ?? "", view.definition.check].join("\0");

export class CheckPlan {
  /** Null: not known yet. */
  #entries: Map<string, Entry> | null = null;
  readonly #kept: Map<string, Kept>;
  #armedUntil: number;
  /** What was due from here on has not been run. */
  readonly #since: number;
  #lookedAt = -Infinity;
  /** When to look for what is about to come. */
  #lookAt = Infinity;
  #lookDelayMs: number = limits.checkLookMs;
  #failedUntil = -Infinity;
  #look: "near" | "certain" | null = null;
  /** All were asked, after what had been announced was there or would never come. */
  #isCertain = false;
  #running = 0;
  #unserved = 0;
  // Of the step under way.
  #keep = new Map<string, Kept | null>();
  #run: Run[] = [];
  #write: PlanOutcome["write"][number][] = [];
  #remove: Named<Dead>[] = [];

  /** @param since when the shell was to be woken: what was due then, or in the tick before, is due. */
  constructor(kept: ReadonlyMap<string, Kept>, armedUntil: number, since: number) {
    this.#kept = new Map(kept);
    this.#armedUntil = armedUntil;
    this.#since = since;
  }

  /** Checks that are looked after, and those that are too many; null as long as that is not known. */
  get size(): { readonly checks: number; readonly unserved: number } | null {
    return this.#entries === null ? null : { checks: this.#entries.size, unserved: this.#unserved };
  }

  step(event: PlanEvent, now: number): PlanOutcome {
    const armed = this.#armedUntil;
    this.#keep = new Map();
    this.#run = [];
    this.#write = [];
    this.#remove = [];
    this.#believe(now);
    const wasLooking = this.#look;
    this.#take(event, now);
    this.#runDue(now);
    this.#removeDead(now);
    const wakeAt = this.#wakeAt(now);
    return {
      keep: this.#keep,
      armedUntil: this.#armedUntil === armed ? null : this.#armedUntil,
      look: wasLooking === null ? this.#look : null,
      run: this.#run,
      write: this.#write,
      remove: this.#remove,
      wakeAt,
    };
  }

  /** A clock that was set back must not put anything off. */
  #believe(now: number): void {
    this.#lookedAt = Math.min(this.#lookedAt, now);
    this.#failedUntil = Math.min(this.#failedUntil, now + limits.checkAgainMs);
    this.#armedUntil = Math.min(this.#armedUntil, now + 2 * limits.checkArmMs);
    for (const [name, entry] of this.#entries ?? []) {
      const { definition } = entry.place.view;
      if (isRun(definition) && entry.nextAt > now + definition.intervalMs)
        entry.nextAt = dueAfter(name, definition, now);
    }
  }

  #take(event: PlanEvent, now: number): void {
    switch (event.type) {
      case "arm":
        return this.#arm(now);
      case "wake":
        return this.#startLook(now);
      case "listed":
        return this.#looked(this.#list(event.checks, event.revision, now), now);
      case "unchanged":
        return this.#looked(false, now);
      case "unlisted":
        this.#look = null;
        this.#lookedAt = now;
        this.#failedUntil = now + limits.checkAgainMs;
        this.#lookAt = this.#failedUntil;
        return;
      case "ran":
        return this.#ran(event.run, event.state, now);
      case "written":
        return this.#written(event, now);
      case "removed":
        return this.#removed(event, now);
    }
  }

  #arm(now: number): void {
    // Told again and again, this is written down once in a while only.
    if (this.#armedUntil < now + limits.checkArmMs) {
      if (this.#armedUntil < now) this.#lookDelayMs = limits.checkLookMs;
      this.#armedUntil = now + 2 * limits.checkArmMs;
    }
    this.#isCertain = false;
    this.#lookAt = Math.min(this.#lookAt, now + this.#lookDelayMs);
  }

  // --- what there is to look after ---

  #startLook(now: number): void {
    if (this.#look !== null || now < this.#failedUntil - slackMs) return;
    const isOver = this.#armedUntil <= now;
    if (isOver && !this.#isCertain && (this.#armedUntil > 0 || this.#entries?.size === 0)) this.#look = "certain";
    else if (this.#entries === null || this.#lookAt <= now || now - this.#lookedAt >= limits.checkAgainMs) {
      this.#look = "near";
    }
  }

  #looked(changed: boolean, now: number): void {
    if (this.#look === "certain" && this.#armedUntil <= now) {
      this.#isCertain = true;
      this.#armedUntil = 0;
    }
    this.#look = null;
    this.#lookedAt = now;
    this.#lookDelayMs = changed ? limits.checkLookMs : Math.min(2 * this.#lookDelayMs, limits.checkLookMostMs);
    this.#lookAt = this.#armedUntil > now ? now + this.#lookDelayMs : Infinity;
  }

  /** @returns whether there is any that was not there before. */
  #list(checks: readonly CheckPlace[], revision: number, now: number): boolean {
    const known = this.#entries;
    const entries = new Map<string, Entry>();
    const served = checks.filter(({ view }) => isTended(view.definition));
    this.#unserved = Math.max(0, served.length - limits.checksPerRegion);
    for (const place of served.slice(0, limits.checksPerRegion)) {
      const name = nameOf(place);
      const form = JSON.stringify(place.view.definition);
      const old = known?.get(name);
      const entry = old?.form === form ? old : this.#begin(name, place, form, known === null, now);
      if (revision >= entry.writtenRevision) entry.place = place;
      entries.set(name, entry);
      this.#watchDeath(name, entry, now);
    }
    this.#entries = entries;
    if (entries.size > 0) this.#isCertain = false;
    for (const name of [...this.#kept.keys()]) if (!entries.has(name)) this.#remember(name, null);
    return [...entries].some(([name, entry]) => known?.get(name) !== entry);
  }

  /** @param first it may have been run before, by a shell that has forgotten it. */
  #begin(name: string, place: CheckPlace, form: string, first: boolean, now: number): Entry {
    const { definition, status, output } = place.view;
    const kept = first ? this.#kept.get(name) : undefined;
    const isSilent = status === "critical" && output === "" && kept === undefined;
    const nextAt = !isRun(definition)
      ? Infinity
      : first && !isSilent
        ? dueAfter(name, definition, this.#since - limits.checkTickMs)
        : now;
    return {
      place,
      form,
      hash: hashOf(name),
      nextAt,
      running: false,
      writing: false,
      removing: false,
      removeAt: -Infinity,
      streak: kept?.streak ?? 0,
      criticalSince: kept?.criticalSince ?? null,
      revision: kept?.revision ?? null,
      writtenRevision: 0,
      writtenAt: -Infinity,
    };
  }

  // --- running ---

  #runDue(now: number): void {
    if (this.#running >= limits.checksAtOnce) return;
    const due = [...(this.#entries ?? [])].filter(([, entry]) => !entry.running && entry.nextAt <= now + slackMs);
    for (const [name, entry] of due.toSorted(([, a], [, b]) => a.nextAt - b.nextAt)) {
      const { definition } = entry.place.view;
      if (this.#running >= limits.checksAtOnce || !isRun(definition)) return;
      entry.running = true;
      this.#running += 1;
      this.#run.push({ name, of: entry.place, definition });
    }
  }

  #ran(run: Run, state: CheckState, now: number): void {
    this.#running -= 1;
    const entry = this.#entries?.get(run.name);
    // Removed meanwhile, or another check of the same name.
    if (entry === undefined || entry.form !== JSON.stringify(run.definition)) return;
    entry.running = false;
    entry.nextAt = dueAfter(run.name, run.definition, now + slackMs);
    if (entry.writing) return;
    const { view } = entry.place;
    const judged = judge({ status: view.status, streak: entry.streak }, state.status, run.definition);
    // Until the other status is written, the next run comes to the same.
    if (judged.status === view.status) entry.streak = judged.streak;
    this.#watchDeath(run.name, entry, now);
    if (judged.status !== state.status) return;
    const says = view.status !== state.status || view.output === "";
    if (!says && (view.output === state.output || !this.#mayRephrase(entry, run.definition, now))) return;
    entry.writing = true;
    this.#write.push({ name: run.name, of: entry.place, state });
  }

  /** Only the first run of each minute may: so a shell without a memory keeps to it too. */
  #mayRephrase({ writtenAt }: Entry, { intervalMs }: ActiveCheck, now: number): boolean {
    const every = limits.checkOutputMs;
    return now - writtenAt >= every && Math.floor(now / every) !== Math.floor((now - intervalMs) / every);
  }

  #written({ name, state, revision }: Extract<PlanEvent, { type: "written" }>, now: number): void {
    const entry = this.#entries?.get(name);
    if (entry === undefined) return;
    entry.writing = false;
    if (revision === null) {
      // Perhaps it is there no more.
      this.#lookAt = Math.min(this.#lookAt, now);
      return;
    }
    entry.writtenRevision = revision;
    entry.writtenAt = now;
    entry.streak = 0;
    entry.place = { ...entry.place, view: { ...entry.place.view, ...state } };
    this.#watchDeath(name, entry, now);
  }

  // --- removing ---

  /** Notices since when an instance is critical that goes some time after, and keeps that and its check's streak. */
  #watchDeath(name: string, entry: Entry, now: number): void {
    const { definition, status, modRevision, createRevision } = entry.place.view;
    const isMortal = deadAfter(entry.place) !== null && status === "critical";
    // Between two looks it may have been better for a moment, or removed and registered again: revisions tell.
    const revision = definition.kind === "plain" ? modRevision : createRevision;
    if (!isMortal) entry.criticalSince = null;
    else if (entry.criticalSince === null || entry.criticalSince > now || entry.revision !== revision) {
      entry.criticalSince = now;
    }
    entry.revision = isMortal ? revision : null;
    const { streak, criticalSince } = entry;
    this.#remember(
      name,
      streak === 0 && criticalSince === null ? null : { streak, criticalSince, revision: entry.revision },
    );
  }

  #remember(name: string, kept: Kept | null): void {
    const old = this.#kept.get(name) ?? null;
    const isSame =
      old?.streak === kept?.streak && old?.criticalSince === kept?.criticalSince && old?.revision === kept?.revision;
    if (isSame) return;
    this.#keep.set(name, kept);
    if (kept === null) this.#kept.delete(name);
    else this.#kept.set(name, kept);
  }

  #removeDead(now: number): void {
    for (const [name, entry] of this.#entries ?? []) {
      if (entry.removing || entry.writing || diesAt(entry) > now + slackMs) continue;
      const { place } = entry;
      if (place.service === null || place.instance === null) continue;
      entry.removing = true;
      const { service, instance } = place;
      this.#remove.push({ name, of: { ...place, service, instance } });
    }
  }

  #removed({ name, done }: Extract<PlanEvent, { type: "removed" }>, now: number): void {
    const entry = this.#entries?.get(name);
    if (entry === undefined) return;
    this.#lookAt = Math.min(this.#lookAt, now);
    if (done) {
      this.#entries?.delete(name);
      this.#remember(name, null);
      return;
    }
    entry.removing = false;
    entry.removeAt = now + limits.checkAgainMs;
  }

  // --- waking ---

  #wakeAt(now: number): number | null {
    const entries = this.#entries;
    if (entries?.size === 0 && this.#isCertain && this.#running === 0) return null;
    const armed = this.#armedUntil > 0 ? Math.max(this.#armedUntil, this.#failedUntil) : Infinity;
    let at = Math.min(this.#lookAt, armed);
    if (entries === null || (entries.size === 0 && at === Infinity))
      at = Math.min(at, this.#lookedAt + limits.checkAgainMs);
    for (const entry of entries?.values() ?? []) {
      const { definition } = entry.place.view;
      // Whoever waits for a connection gets it from the next who is done. A run that comes to nothing must not be the last.
      const isWaiting = entry.running || entry.nextAt <= now;
      if (isRun(definition)) at = Math.min(at, isWaiting ? momentAfter(entry.hash, definition, now) : entry.nextAt);
      else at = Math.min(at, this.#lookedAt + lookEvery(entry.place));
      if (!entry.removing) at = Math.min(at, diesAt(entry));
    }
    return Math.max(at, now + limits.checkTickMs);
  }
}

function diesAt({ place, criticalSince, removeAt }: Entry): number {
  const after = deadAfter(place);
  return after === null || criticalSince === null ? Infinity : Math.max(criticalSince + after, removeAt);
}
