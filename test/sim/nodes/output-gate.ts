/**
 * The platform's output gate, simulated: what an object wrote is confirmed a while later, several turns at once, and
 * nothing leaves it before that. When it dies first, the unconfirmed tail is lost, whole turns of it, and with it all
 * that they wanted to say.
 */
import type { World } from "../world.ts";
import type { SimSql } from "./sim-sql.ts";

export class OutputGate {
  readonly #world: World;
  readonly #sql: SimSql;
  /** How long a confirmation takes, in ms; 0: each turn is confirmed before the next. */
  readonly #confirmMs: number;
  #open = false;
  #before = 0;
  #waits = false;
  #tail = 0;
  #held: (() => void)[] = [];

  constructor(world: World, sql: SimSql, confirmMs: number) {
    this.#world = world;
    this.#sql = sql;
    this.#confirmMs = confirmMs;
  }

  /** A turn begins: it sees what earlier ones wrote, confirmed or not. */
  begin(): void {
    if (this.#open) return;
    this.#open = true;
    this.#sql.begin();
    this.#before = this.#confirmMs === 0 ? 0 : this.#sql.changes;
  }

  /** The turn is over: its effects leave once all that was written up to now is confirmed. */
  end(effects: () => void): void {
    this.#held.push(effects);
    if (this.#confirmMs === 0 || this.#sql.changes === this.#before) return this.confirm();
    if (this.#waits) return;
    this.#waits = true;
    const tail = this.#tail;
    this.#world.after(this.#world.between(0, 2 * this.#confirmMs), () => {
      if (tail === this.#tail) this.confirm();
    });
  }

  confirm(): void {
    if (!this.#open) return;
    this.#sql.commit();
    this.#close().forEach((effects) => effects());
  }

  /** It died: nothing since the last confirmation has happened. */
  lose(): void {
    if (!this.#open) return;
    if (this.#held.length > 0) this.#world.count("tail-lost");
    this.#sql.rollback();
    this.#close();
  }

  /** Writes wait for their confirmation. */
  get holds(): boolean {
    return this.#held.length > 0;
  }

  #close(): readonly (() => void)[] {
    const held = this.#held;
    this.#held = [];
    this.#open = false;
    this.#waits = false;
    this.#tail += 1;
    return held;
  }
}
