/**
 * An acceptor's durable state as rows. One row for each vote on a batch and nothing else for it: the vote carries the
 * counter (D2). Everything rare (identity, promise, floor) shares one row. Empty until founding. Used by the acceptor's
 * shell and by the simulator; decides nothing.
 */
import { assert } from "../../src/support/assert.ts";
import { slot } from "../../src/support/brand.ts";
import type { Slot } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { numberIn, textIn } from "../../src/support/sql.ts";
import type { Sql, SqlRow } from "../../src/support/sql.ts";
import { emptyLedger } from "../../src/paxos/acceptor.ts";
import type { AcceptorChange, AcceptorView, Ledger } from "../../src/paxos/acceptor.ts";
import { ballot, higherBallot } from "../../src/paxos/ballot.ts";
import type { Ballot } from "../../src/paxos/ballot.ts";
import type { Enrolment } from "../../src/paxos/enrolment.ts";
import type { Subject, Vote } from "../../src/paxos/messages.ts";

const schema = [
  `CREATE TABLE IF NOT EXISTS acceptor (
     id INTEGER PRIMARY KEY CHECK (id = 1), object TEXT NOT NULL, data_centre TEXT, enrolment TEXT NOT NULL,
     counter INTEGER NOT NULL, promised TEXT, floor INTEGER NOT NULL, highest INTEGER NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS votes (
     slot INTEGER PRIMARY KEY, counter INTEGER NOT NULL, ballot TEXT NOT NULL, value TEXT NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS decisions (
     id TEXT PRIMARY KEY, promised TEXT, ballot TEXT, value TEXT) WITHOUT ROWID`,
];

const packBallot = (b: Ballot): string => JSON.stringify([b.round, b.proposer, b.incarnation]);
function unpackBallot(text: string): Ballot {
  const [round, proposer, incarnation] = JSON.parse(text) as [number, string, string];
  return ballot(round, proposer, incarnation);
}
const ballotIn = (row: SqlRow, column: string): Ballot | null =>
  row[column] === null ? null : unpackBallot(textIn(row, column));
const voteIn = (row: SqlRow): Vote => ({
  slot: slot(numberIn(row, "slot")),
  ballot: unpackBallot(textIn(row, "ballot")),
  value: textIn(row, "value"),
});

/** What an acceptor has besides votes, as its one row holds it. */
interface Standing {
  readonly enrolment: Enrolment;
  readonly object: string;
  readonly dataCentre: string | null;
  readonly counter: number;
  readonly ledger: Ledger;
}

export class AcceptorStorage implements AcceptorView {
  readonly #sql: Sql;
  #standing: Standing | null;
  #leftToTrim = false;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#standing = this.#load();
  }

  #load(): Standing | null {
    const [table] = this.#sql.all("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'acceptor'");
    const [row] = table === undefined ? [] : this.#sql.all("SELECT * FROM acceptor WHERE id = 1");
    if (row === undefined) return null;
    const [votes] = this.#sql.all(
      "SELECT coalesce(max(counter), 0) AS counter, coalesce(max(slot), 0) AS slot FROM votes",
    );
    assert(votes !== undefined, "an aggregate has one row");
    return {
      enrolment: JSON.parse(textIn(row, "enrolment")) as Enrolment,
      object: textIn(row, "object"),
      dataCentre: row["data_centre"] === null ? null : textIn(row, "data_centre"),
      counter: Math.max(numberIn(row, "counter"), numberIn(votes, "counter")),
      ledger: {
        promised: ballotIn(row, "promised"),
        floor: slot(numberIn(row, "floor")),
        highest: slot(Math.max(numberIn(row, "highest"), numberIn(votes, "slot"))),
      },
    };
  }

  get enrolment(): Enrolment | null {
    return this.#standing?.enrolment ?? null;
  }
  /** Which object these rows were written by: rows copied into another one name the wrong object. */
  get object(): string | null {
    return this.#standing?.object ?? null;
  }
  get dataCentre(): string | null {
    return this.#standing?.dataCentre ?? null;
  }
  get counter(): number {
    return this.#standing?.counter ?? 0;
  }

  ledger(subject: Subject): Ledger {
    if (subject === "log") return this.#standing?.ledger ?? emptyLedger;
    const row = this.#decision(subject);
    if (row === undefined) return emptyLedger;
    return { promised: ballotIn(row, "promised"), floor: slot(0), highest: slot(row["ballot"] === null ? 0 : 1) };
  }

  #decision(subject: Subject): SqlRow | undefined {
    return this.#sql.all("SELECT promised, ballot, value FROM decisions WHERE id = ?", subject)[0];
  }

  votes(subject: Subject, from: Slot, maxRows: number, maxBytes: number) {
    const votes: Vote[] = [];
    if (subject !== "log") {
      const row = from <= 1 ? this.#decision(subject) : undefined;
      if (row !== undefined && row["ballot"] !== null) votes.push(voteIn({ ...row, slot: 1 }));
      return { votes, next: null };
    }
    let bytes = 0;
    for (let at: number = from; ;) {
      // A few rows at a time: values may be large, and a page must not be read far past its end.
      const rows = this.#sql.all("SELECT slot, ballot, value FROM votes WHERE slot >= ? ORDER BY slot LIMIT 8", at);
      for (const row of rows) {
        const vote = voteIn(row);
        if (votes.length >= maxRows || (votes.length > 0 && bytes + vote.value.length > maxBytes))
          return { votes, next: vote.slot };
        votes.push(vote);
        bytes += vote.value.length;
        at = vote.slot + 1;
      }
      if (rows.length < 8) return { votes, next: null };
    }
  }

  /** Stores an identity: the first time this makes the tables. */
  enrol(enrolment: Enrolment, object: string): void {
    if (this.#standing === null) for (const statement of schema) this.#sql.all(statement);
    this.#standing = {
      enrolment,
      object: this.#standing?.object ?? object,
      dataCentre: this.dataCentre,
      counter: this.counter,
      ledger: this.#standing?.ledger ?? emptyLedger,
    };
    this.#writeStanding();
  }

  recordDataCentre(dataCentre: string): void {
    if (this.#standing === null || this.#standing.dataCentre === dataCentre) return;
    this.#standing = { ...this.#standing, dataCentre };
    this.#writeStanding();
  }

  /** Makes an outcome durable, and counts (D2). @returns the counter to answer with. */
  save(changes: readonly AcceptorChange[]): number {
    assert(this.#standing !== null, "F1 only a founded acceptor has anything to save");
    const counter = this.#standing.counter + 1;
    let { ledger } = this.#standing;
    let counted = false;
    for (const change of changes) {
      switch (change.type) {
        case "promised":
          if (change.subject === "log") ledger = { ...ledger, promised: higherBallot(ledger.promised, change.ballot) };
          else this.#promiseDecision(change.subject, change.ballot);
          break;
        case "voted": {
          const { slot: at, ballot: under, value } = change.vote;
          if (change.subject === "log") {
            this.#sql.all(
              "INSERT OR REPLACE INTO votes (slot, counter, ballot, value) VALUES (?, ?, ?, ?)",
              at,
              counter,
              packBallot(under),
              value,
            );
            ledger = { ...ledger, highest: slot(Math.max(ledger.highest, at)) };
            counted = true;
          } else {
            this.#sql.all(
              "UPDATE decisions SET ballot = ?, value = ? WHERE id = ?",
              packBallot(under),
              value,
              change.subject,
            );
          }
          break;
        }
        case "trimmed":
          ledger = { ...ledger, floor: change.floor, highest: slot(Math.max(ledger.highest, change.floor)) };
          this.#leftToTrim = true;
          break;
      }
    }
    const rare = ledger.promised !== this.#standing.ledger.promised || ledger.floor !== this.#standing.ledger.floor;
    this.#standing = { ...this.#standing, counter, ledger };
    if (rare || !counted) this.#writeStanding();
    if (this.#leftToTrim) this.#trim(ledger.floor);
    return counter;
  }

  #promiseDecision(subject: Subject, under: Ballot): void {
    this.#sql.all(
      "INSERT INTO decisions (id, promised) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET promised = excluded.promised",
      subject,
      packBallot(under),
    );
  }

  #trim(floor: Slot): void {
    const [row] = this.#sql.all("SELECT coalesce(min(slot), 0) AS lowest FROM votes");
    const lowest = row === undefined ? 0 : numberIn(row, "lowest");
    const upTo = Math.min(floor, lowest + limits.trimmedVotesPerEvent - 1);
    if (lowest > 0 && lowest <= floor) this.#sql.all("DELETE FROM votes WHERE slot <= ?", upTo);
    this.#leftToTrim = upTo < floor;
  }

  #writeStanding(): void {
    if (this.#standing === null) return;
    const { enrolment, object, dataCentre, counter, ledger } = this.#standing;
    this.#sql.all(
      `INSERT OR REPLACE INTO acceptor (id, object, data_centre, enrolment, counter, promised, floor, highest)
       VALUES (1, ?, ?, ?, ?, ?, ?, ?)`,
      object,
      dataCentre,
      JSON.stringify(enrolment),
      counter,
      ledger.promised === null ? null : packBallot(ledger.promised),
      ledger.floor,
      ledger.highest,
    );
  }
}
