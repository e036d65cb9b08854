/**
 * Clients that follow ranges of keys: one question after another, at any gateway, each from where the answer before ended.
 * They begin somewhere, go on after every failure, fall behind, begin again where they are told to, and look back (N1-N4).
 * Those of one group follow the same, mostly at the same gateway: they share questions there.
 */
import { limits } from "../../../src/support/limits.ts";
import { startOf } from "../../../src/store/events.ts";
import type { EventPlace } from "../../../src/store/events.ts";
import { lockSpace, userRange } from "../../../src/store/key-space.ts";
import { prefixRange } from "../../../src/store/transaction.ts";
import type { KeyRange } from "../../../src/store/transaction.ts";
import type { Followed, Happenings } from "../../../workers/gateway/watching.ts";
import { accountRange } from "./accounts.ts";
import type { Desk } from "./desk.ts";
import { tinkeredRange } from "./tinkerers.ts";

const ranges: readonly KeyRange[] = [accountRange, tinkeredRange, userRange, prefixRange(lockSpace)];

/** One question after events. */
export interface Question {
  readonly watcher: string;
  readonly followed: Followed;
  readonly from: EventPlace;
  readonly calledAt: number;
  returnedAt: number;
  /** Null: no answer. A number: what is before it is not kept any more. */
  told: Happenings | number | null;
}

/** Somebody asked where "from now on" begins. */
export interface Beginning {
  readonly calledAt: number;
  readonly place: EventPlace;
}

export class Watchers {
  readonly #desk: Desk;
  readonly questions: Question[] = [];
  readonly beginnings: Beginning[] = [];
  readonly #answers = new WeakSet<Happenings>();
  #running = true;

  constructor(desk: Desk, groups: number, members: number) {
    this.#desk = desk;
    const { world } = desk;
    for (let group = 0; group < groups; group += 1) {
      const home = world.pick(desk.regions);
      const followed = {
        range: world.pick(ranges),
        puts: world.chance(0.9),
        deletes: world.chance(0.9),
        previous: world.chance(0.5),
      };
      for (let member = 0; member < members; member += 1) {
        desk.begin(async () => this.#live(`watcher${group}.${member}`, home, followed));
      }
    }
  }

  stop(): void {
    this.#running = false;
  }

  async #live(watcher: string, home: string, followed: Followed): Promise<void> {
    const desk = this.#desk;
    const { world } = desk;
    let region = home;
    let from: EventPlace | null = world.chance(0.5) ? startOf(2) : null;
    while (this.#running) {
      from ??= await this.#now(region, followed.range);
      if (from === null) {
        await desk.pause(300);
        continue;
      }
      const told = await this.#ask(watcher, region, followed, from);
      if (typeof told === "number") from = world.chance(0.5) ? startOf(told) : null;
      else if (told !== null) from = told.next;
      if (told === null || world.chance(0.1)) region = world.chance(0.5) ? home : world.pick(desk.regions);
      if (told === null) await desk.pause(world.between(20, 300));
      else if (from !== null && world.chance(0.03)) {
        // It forgot where it was, or was away.
        if (world.chance(0.5)) from = startOf(Math.max(2, from.revision - Math.floor(world.between(1, 60))));
        else await desk.pause(world.between(1_000, 6_000));
      }
    }
  }

  async #now(region: string, range: KeyRange): Promise<EventPlace | null> {
    const desk = this.#desk;
    const calledAt = desk.world.now;
    const heard = await desk.hear<EventPlace>(
      (tell) => desk.cluster.gateway(region).now(range, tell),
      limits.gatewayMs + 1_000,
    );
    if (heard?.type !== "answer") return null;
    this.beginnings.push({ calledAt, place: heard.answer });
    return heard.answer;
  }

  async #ask(watcher: string, region: string, followed: Followed, from: EventPlace): Promise<Question["told"]> {
    const desk = this.#desk;
    const { world } = desk;
    const waitMs = world.pick([0, 300, 3_000, limits.watchProgressMs, limits.watchProgressMs]);
    const question: Question = { watcher, followed, from, calledAt: world.now, returnedAt: Infinity, told: null };
    this.questions.push(question);
    const gateway = desk.cluster.gateway(region);
    // Some have room for little in one answer: then it may end in the middle of a revision (N2).
    const maxBytes = world.pick([null, null, 1, 200]);
    const heard = await desk.hear<Happenings>(
      (tell) => gateway.happenings(followed, from, waitMs, maxBytes, tell),
      waitMs + limits.gatewayMs + 1_000,
    );
    question.returnedAt = world.now;
    if (heard?.type === "answer") {
      question.told = heard.answer;
      const { next, events } = heard.answer;
      if (this.#answers.has(heard.answer)) world.count("watch-shared");
      this.#answers.add(heard.answer);
      world.count("watch-answer", `${watcher} ${events.length} to ${next.revision}.${next.index}`);
    }
    if (heard?.type !== "problem") return question.told;
    world.count(`watch-${heard.code}`, watcher);
    const { compactedRevision } = heard.extra;
    if (heard.code === "revision-compacted") question.told = Number(compactedRevision);
    return question.told;
  }
}
