/**
 * A simulated acceptor object: the real executor and the real storage code on real SQLite, behind the real codec. It can
 * crash before a turn is committed, after it but before the answer leaves, and come back with what was durable.
 */
import { DatabaseSync } from "node:sqlite";
import { randomIdentity } from "../../src/support/random.ts";
import { decodeAcceptorRequest, encodeAcceptorReply } from "../../src/wire/acceptor-codec.ts";
import { receive } from "../../workers/adapters/acceptor-desk.ts";
import { AcceptorStorage } from "../../workers/adapters/acceptor-storage.ts";
import { SimSql } from "./sim-sql.ts";
import type { World } from "./world.ts";

/** Broken twins: what this acceptor does wrong. */
export type AcceptorFlaw =
  /** Answers, then loses what it had not committed (D1). */
  | "answers-before-persisting"
  /** Comes back from a restart without its votes. */
  | "forgets-votes"
  /** Comes back from a restart without its promise. */
  | "forgets-promise";

export class AcceptorNode {
  readonly region: string;
  readonly #world: World;
  readonly #sql = new SimSql(new DatabaseSync(":memory:"));
  readonly #flaw: AcceptorFlaw | null;
  #storage: AcceptorStorage;
  up = true;

  constructor(world: World, region: string, flaw: AcceptorFlaw | null = null) {
    this.#flaw = flaw;
    this.#world = world;
    this.region = region;
    this.#storage = new AcceptorStorage(this.#sql);
  }

  get storage(): AcceptorStorage {
    return this.#storage;
  }

  /** The object is evicted or killed: memory is gone, what was committed stays. */
  restart(): void {
    this.#world.count("acceptor-restart");
    if (this.#storage.enrolment !== null && this.#flaw === "forgets-votes") this.#sql.all("DELETE FROM votes");
    if (this.#storage.enrolment !== null && this.#flaw === "forgets-promise")
      this.#sql.all("UPDATE acceptor SET promised = NULL");
    this.#storage = new AcceptorStorage(this.#sql);
  }

  /** @returns the answer, or null when it died before one left. */
  receive(message: string, crash: "no" | "before-commit" | "after-commit"): string | null {
    if (!this.up) return null;
    const decoded = decodeAcceptorRequest(message);
    if (!decoded.ok) throw new Error(`the codec refused its own message: ${JSON.stringify(decoded.why)}`);
    const fresh = randomIdentity(this.#world.random);
    this.#sql.begin();
    const desk = { storage: this.#storage, object: `object-${this.region}`, now: this.#world.now, fresh };
    const { floor } = this.#storage.ledger("log");
    const reply = encodeAcceptorReply(receive(desk, decoded.body));
    if (this.#storage.ledger("log").floor > floor) this.#world.count("trimmed");
    if (crash === "before-commit") {
      this.#sql.rollback();
      this.restart();
      return this.#flaw === "answers-before-persisting" ? reply : null;
    }
    this.#sql.commit();
    if (crash === "no") return reply;
    this.restart();
    return null;
  }
}
