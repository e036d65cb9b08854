/**
 * Where those ask that live by the registry: every request goes through the gateway's real code, ends in an answer or in
 * none, and is written down for the checker of the registry. What the actors promise each other is said here, too.
 */
import { requestId } from "../../../src/support/brand.ts";
import type { Revision } from "../../../src/support/brand.ts";
import type { InstanceView, Lookup } from "../../../src/registry/model.ts";
import type { ClientReply, Consistency, Query, QueryResult } from "../../../src/replica/messages.ts";
import type { KeyRange } from "../../../src/store/transaction.ts";
import type { Problem } from "../../../workers/gateway/problems.ts";
import { read } from "../../../workers/gateway/reads.ts";
import { waitForChange } from "../../../workers/gateway/registry.ts";
import type { Author, Result } from "../../../workers/gateway/registry.ts";
import type { Visit } from "../../../workers/gateway/visit.ts";
import { Dice } from "../dice.ts";
import { nameOfCommand } from "../history.ts";
import type { Heard } from "../nodes/gateway-node.ts";
import type { Desk } from "./desk.ts";

/** A client gives up waiting after this long, in virtual ms: more than a gateway keeps it waiting. */
export const patienceMs = 6_000;

/** What came of a change. "unknown": it may have happened, may still happen, or not. */
export type Came =
  { readonly type: "done" } | { readonly type: "refused"; readonly code: string } | { type: "unknown" };

/** What the log must agree with: a command and its outcome, as its client was told. */
export interface ToldOfRegistry {
  readonly id: string | null;
  readonly reply: ClientReply | null;
}

type Asked = Extract<Query, { readonly type: "instances" | "instance" | "services" }>;
type Answer<Type extends QueryResult["type"]> = Extract<QueryResult, { readonly type: Type }>;

/** Somebody looked something up. */
export interface Look {
  readonly who: string;
  readonly query: Asked;
  readonly consistency: Consistency;
  readonly calledAt: number;
  readonly returnedAt: number;
  readonly result: Answer<Asked["type"]>;
  readonly revision: Revision;
}

/** Who registered an instance looked for it; `expected` says what it had been told of it before. */
export interface Sight {
  readonly who: string;
  readonly instance: string;
  readonly service: string;
  readonly returnedAt: number;
  /** Until when the last renewal that was acknowledged before keeps it alive. */
  readonly dueAt: number;
  readonly found: InstanceView | undefined;
  /** Null: nobody can say. */
  readonly expected: { readonly status: string | null; readonly tags: readonly string[] } | null;
}

/** Somebody waited for a change. */
export interface Waited {
  readonly who: string;
  readonly ranges: readonly KeyRange[];
  readonly since: number;
  readonly calledAt: number;
  readonly returnedAt: number;
  /** The revision that ended it; null: its time was over. */
  readonly told: number | null;
}

/** An instance was taken under a second service although it must have been alive. */
export interface Doubled {
  readonly instance: string;
  readonly returnedAt: number;
  readonly dueAt: number;
}

export class RegistryDesk {
  readonly desk: Desk;
  readonly dice: Dice;
  readonly told: ToldOfRegistry[] = [];
  readonly looks: Look[] = [];
  readonly sights: Sight[] = [];
  readonly waits: Waited[] = [];
  readonly doubled: Doubled[] = [];
  #changes = 0;

  constructor(desk: Desk, seed: number) {
    this.desk = desk;
    this.dice = new Dice(seed + 2 ** 31);
  }

  get now(): number {
    return this.desk.world.now;
  }

  async pause(ms: number): Promise<void> {
    return this.desk.pause(ms);
  }

  anyRegion(): string {
    return this.dice.pick(this.desk.regions);
  }

  async #at<T>(region: string, work: (visit: Visit) => Promise<T>, withinMs = patienceMs): Promise<Heard<T>> {
    return this.desk.hear<T>((tell) => this.desk.cluster.gateway(region).serve(work, tell), withinMs);
  }

  // --- changing ---

  /** Several changes in one request. @returns what came of each. */
  async changeAll(
    client: string,
    region: string,
    count: number,
    work: (visit: Visit, author: Author) => Promise<readonly Result[]>,
  ): Promise<readonly Came[]> {
    this.#changes += 1;
    const own = `${client}.${this.#changes}`;
    const idOf = (index: number): string => `${own}.${index}`;
    const author: Author = { guard: null, identify: (index) => ({ id: requestId(idOf(index)) }) };
    const heard = await this.#at(region, async (visit) => work(visit, author));
    if (heard?.type !== "answer") {
      const came: Came =
        heard?.type === "problem" && heard.outcome === "not-applied"
          ? { type: "refused", code: heard.code }
          : { type: "unknown" };
      this.desk.world.count(`registry-${came.type === "refused" ? came.code : "unknown"}`);
      return Array.from({ length: count }, () => came);
    }
    return heard.answer.map((result, index): Came => {
      if (result.type === "problem") return this.#refused(result.problem);
      const { outcome, revision } = result;
      this.told.push({ id: nameOfCommand(idOf(index), null), reply: { type: "outcome", outcome, revision } });
      this.desk.world.count("registry-changed", `${idOf(index)} ${revision}`);
      return { type: "done" };
    });
  }

  /** One change. */
  async change(client: string, region: string, work: (visit: Visit, author: Author) => Promise<Result>): Promise<Came> {
    const [came] = await this.changeAll(client, region, 1, async (visit, author) => [await work(visit, author)]);
    return came ?? { type: "unknown" };
  }

  #refused({ code, particulars }: Problem): Came {
    this.desk.world.count(`registry-${code}`);
    return particulars.outcome === "unknown" ? { type: "unknown" } : { type: "refused", code };
  }

  // --- looking ---

  async look<Type extends Asked["type"]>(
    who: string,
    region: string,
    consistency: Consistency,
    query: Asked & { readonly type: Type },
  ): Promise<(Look & { readonly result: Answer<Type> }) | null> {
    const calledAt = this.now;
    const heard = await this.#at(region, async (visit) => read(visit, consistency, query, query.type));
    if (heard?.type !== "answer") return null;
    const { result, revision } = heard.answer;
    const look = { who, query, consistency, calledAt, returnedAt: this.now, result: result as Answer<Type>, revision };
    this.looks.push(look);
    this.desk.world.count("registry-look", `${who} ${consistency.type} ${revision}`);
    return look;
  }

  lookUp(who: string, region: string, consistency: Consistency, lookup: Lookup) {
    return this.look(who, region, consistency, { type: "instances", lookup });
  }

  /** Waits for a change of any of these ranges. @returns undefined when nobody answered. */
  async wait(
    who: string,
    region: string,
    ranges: readonly KeyRange[],
    since: Revision,
    waitMs: number,
  ): Promise<Revision | null | undefined> {
    const calledAt = this.now;
    const heard = await this.#at(
      region,
      async (visit) => waitForChange(visit, ranges, since, waitMs),
      waitMs + 2 * patienceMs,
    );
    if (heard?.type !== "answer") return undefined;
    this.waits.push({ who, ranges, since, calledAt, returnedAt: this.now, told: heard.answer });
    this.desk.world.count("registry-wait", `${who} ${heard.answer}`);
    return heard.answer;
  }
}
