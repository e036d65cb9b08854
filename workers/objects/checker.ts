/**
 * The Checker of a namespace's region as a Durable Object: runs the active checks of the instances there, by alarm, and
 * removes those that have been critical for too long. What it does and when is decided by `check-plan.ts`; this carries it
 * out. Learns what there is to check by asking the replicas, so nothing is lost with it. As long as nobody has told it that
 * a check comes it has no row and no alarm, and none again when the last check is gone.
 */
import { DurableObject } from "cloudflare:workers";
import { CheckPlan } from "../../src/registry/check-plan.ts";
import type { Dead, Named, PlanEvent, PlanOutcome, Run } from "../../src/registry/check-plan.ts";
import { limits } from "../../src/support/limits.ts";
import { runCheck } from "../adapters/check-runner.ts";
import { CheckerStorage } from "../adapters/checker-storage.ts";
import type { ObjectAddress } from "../adapters/port.ts";
import { sqlOf } from "../adapters/sql.ts";
import type { Bindings } from "../bindings.ts";
import { visitFrom } from "../gateway/arrival.ts";
import { listChecks, removeDead, writeState } from "../gateway/check-duty.ts";
import type { Visit } from "../gateway/visit.ts";

/** A Checker that has something to do. */
interface Running {
  readonly plan: CheckPlan;
  readonly address: ObjectAddress;
  readonly visit: Visit;
  /** When anything that checks rest on had changed last, as far as is known. */
  index: number;
}

export class Checker extends DurableObject<Bindings> {
  readonly #storage: CheckerStorage;
  #running: Running | null = null;
  #alarmAt: number | null = null;

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    this.#storage = new CheckerStorage(sqlOf(ctx.storage.sql));
  }

  /** A check is about to be registered here. It is looked for from now on, when this has been answered. */
  async arm(address: ObjectAddress, _payload: string): Promise<string> {
    const running = this.#begin(Date.now()) ?? this.#found(address, 0, Date.now());
    void this.#step(running, { type: "arm" });
    // The answer waits until the alarm is durable; if it could not be set, the caller must know.
    await this.ctx.storage.sync();
    return JSON.stringify({ armed: true });
  }

  async status(_address: ObjectAddress): Promise<string> {
    const alarmAt = await this.ctx.storage.getAlarm();
    const size = this.#running?.plan.size ?? null;
    return JSON.stringify({ alarmAt, checks: size?.checks ?? null, unserved: size?.unserved ?? null });
  }

  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    this.#alarmAt = null;
    const running = this.#begin(info?.scheduledTime ?? Date.now());
    if (running === null) return;
    // Waited for: whoever is interrupted here is woken again by the platform.
    await this.#step(running, { type: "wake" });
  }

  /** @param since when it was to be woken. @returns null when there is nothing to be done. */
  #begin(since: number): Running | null {
    if (this.#running !== null) return this.#running;
    const rows = this.#storage.load();
    if (rows === null) return null;
    const { namespace, region } = rows.address;
    if (!this.env.CHECKER.idFromName(`${namespace}/${region}`).equals(this.ctx.id)) {
      // Another's rows: a copy of it must not remove anything.
      this.ctx.storage.transactionSync(() => this.#storage.drop());
      return null;
    }
    return this.#found(rows.address, rows.armedUntil, since, rows.kept);
  }

  #found(
    address: ObjectAddress,
    armedUntil: number,
    since: number,
    kept: ConstructorParameters<typeof CheckPlan>[0] = new Map(),
  ) {
    const visit = visitFrom(this.env, address, this.ctx);
    this.#running = { plan: new CheckPlan(kept, armedUntil, since), address, visit, index: 0 };
    return this.#running;
  }

  /** @returns when what there is to check is known again, if it had to be asked for. */
  #step(running: Running, event: PlanEvent): Promise<void> | undefined {
    const outcome = this.#taken(running, event);
    for (const run of outcome.run) this.ctx.waitUntil(this.#run(running, run));
    for (const write of outcome.write) this.ctx.waitUntil(this.#write(running, write));
    for (const dead of outcome.remove) this.ctx.waitUntil(this.#remove(running, dead));
    if (outcome.look !== null) return this.#look(running, outcome.look);
    this.#wake(outcome.wakeAt);
    return undefined;
  }

  /** Should it throw, nothing in memory can be trusted any more. */
  #taken(running: Running, event: PlanEvent): PlanOutcome {
    try {
      return this.ctx.storage.transactionSync(() => {
        const outcome = running.plan.step(event, Date.now());
        if (outcome.armedUntil !== null) this.#storage.arm(running.address, outcome.armedUntil);
        for (const [name, kept] of outcome.keep) this.#storage.keep(name, kept);
        return outcome;
      });
    } catch (error) {
      console.error(JSON.stringify({ message: "checker stops", event: event.type, error: String(error) }));
      this.ctx.abort("a checker's step failed; it starts again from storage");
      throw error;
    }
  }

  async #look(running: Running, look: "near" | "certain"): Promise<void> {
    const known = running.plan.size === null ? 0 : running.index;
    const found = await listChecks(running.visit, running.address.region, look, known).catch(() => null);
    if (found === null) return void this.#step(running, { type: "unlisted" });
    running.index = found.index;
    const { checks, revision } = found;
    void this.#step(running, checks === null ? { type: "unchanged" } : { type: "listed", checks, revision });
  }

  async #run(running: Running, run: Run): Promise<void> {
    const state = await runCheck(run.definition, { allowPrivate: running.visit.config.checkPrivate });
    void this.#step(running, { type: "ran", run, state });
  }

  async #write(running: Running, { name, of, state }: PlanOutcome["write"][number]): Promise<void> {
    const revision = await writeState(running.visit, of, state).catch(() => null);
    void this.#step(running, { type: "written", name, state, revision });
  }

  async #remove(running: Running, { name, of }: Named<Dead>): Promise<void> {
    const done = await removeDead(running.visit, of).catch(() => false);
    void this.#step(running, { type: "removed", name, done });
  }

  /** An alarm is a row: one that rings within a tick of the time is good enough. */
  #wake(at: number | null): void {
    if (at === null) {
      this.#running = null;
      this.#alarmAt = null;
      this.ctx.storage.transactionSync(() => this.#storage.drop());
      this.ctx.waitUntil(this.ctx.storage.deleteAlarm());
      return;
    }
    if (this.#alarmAt !== null && Math.abs(this.#alarmAt - at) < limits.checkTickMs) return;
    this.#alarmAt = at;
    this.ctx.waitUntil(
      this.ctx.storage.setAlarm(at).catch(() => {
        // Not set: the next step tries again.
        this.#alarmAt = null;
      }),
    );
  }
}
