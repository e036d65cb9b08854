/**
 * Clients that move money between accounts, several keys in one transaction, under comparisons of what they read before;
 * and look at all accounts at once, now and in the past. Whatever happens, the sum stays what it was (V1, V2, V3).
 */
import { revision } from "../../../src/support/brand.ts";
import type { ByteString } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import type { Entry } from "../../../src/store/command.ts";
import { userKey } from "../../../src/store/key-space.ts";
import { allOf, rangeStart } from "../../../src/store/ranges.ts";
import { prefixRange } from "../../../src/store/transaction.ts";
import type { Compare, KeyRange, Transaction, TxnOperation } from "../../../src/store/transaction.ts";
import type { Query } from "../../../src/replica/messages.ts";
import type { Desk } from "./desk.ts";

const prefix = "account/";
export const accountRange: KeyRange = prefixRange(userKey(utf8(prefix)));
export const accounts: readonly ByteString[] = [0, 1, 2, 3, 4].map((n) => userKey(utf8(`${prefix}${n}`)));
const balance = 100;
/** What all accounts hold together, once they were opened. */
export const total = balance * accounts.length;

const text = new TextDecoder();

/** An account's value: how much, and by which transfer. */
export function amountIn(value: Uint8Array): { readonly amount: number; readonly mark: string } {
  const [amount = "", mark = ""] = text.decode(value).split(" ");
  return { amount: Number(amount), mark };
}

export class Accounts {
  readonly #desk: Desk;

  constructor(desk: Desk, clients: number) {
    this.#desk = desk;
    for (let i = 0; i < clients; i += 1) desk.begin(async () => this.#live(`bank${i}`));
  }

  async #live(client: string): Promise<void> {
    const { world } = this.#desk;
    let seen: readonly Entry[] = [];
    let known = revision(1);
    for (let round = 1; this.#desk.running; round += 1) {
      await this.#desk.pause(world.between(150, 1_300));
      if (seen.length === 0) {
        await this.#desk.write(client, { type: "txn", transaction: opening(`${client}.${round}`) });
      }
      switch (world.pick(["transfer", "transfer", "nested", "past", "batch"] as const)) {
        case "transfer":
          await this.#transfer(client, seen, `${client}.${round}`, false);
          break;
        case "nested":
          await this.#transfer(client, seen, `${client}.${round}`, true);
          break;
        case "past":
          await this.#desk.read(client, lookAt(Math.max(1, known - Math.floor(world.between(0, 40)))), "range");
          break;
        case "batch":
          await this.#desk.batch(client, [lookAt(null), auditing, this.#moved(seen, `${client}.${round}`, false)]);
          break;
      }
      const looked = await this.#desk.read(client, lookAt(null), "range");
      if (looked === null) continue;
      seen = looked.result.range.entries;
      known = revision(looked.revision);
    }
  }

  async #transfer(client: string, seen: readonly Entry[], mark: string, nested: boolean): Promise<void> {
    await this.#desk.write(client, this.#moved(seen, mark, nested));
  }

  #moved(seen: readonly Entry[], mark: string, nested: boolean) {
    return { type: "txn", transaction: this.#transferring(seen, mark, nested) } as const;
  }

  /** Moves an amount from one account to another, if both are as they were; else looks at them. */
  #transferring(seen: readonly Entry[], mark: string, nested: boolean): Transaction {
    const { world } = this.#desk;
    if (seen.length < 2) return opening(mark);
    const from = world.pick(seen);
    const to = world.pick(seen.filter(({ key }) => key !== from.key));
    const moved = Math.floor(world.between(1, 50));
    const compares = [from, to].map(unchanged);
    const puts = [
      put(from.key, amountIn(from.value).amount - moved, mark),
      put(to.key, amountIn(to.value).amount + moved, mark),
    ];
    const failure: readonly TxnOperation[] = [{ type: "range", query: allOf(accountRange) }];
    if (!nested) return { compares, success: puts, failure };
    // The same in two nested halves, one of which judges what the other changes: against the state before both.
    const halves = puts.map((one): TxnOperation => ({
      type: "txn",
      transaction: { compares, success: [one], failure: [] },
    }));
    return { compares: [], success: [...halves, { type: "range", query: allOf(accountRange) }], failure: [] };
  }
}

const put = (key: ByteString, amount: number, mark: string): TxnOperation => ({
  type: "put",
  key,
  value: utf8(`${amount} ${mark}`),
  lease: null,
  previous: true,
});

const unchanged = ({ key, modRevision }: Entry): Compare => ({
  range: { key, end: null },
  result: "equal",
  operand: { type: "mod", number: modRevision },
});

/** Opens all accounts, if there is none. */
const opening = (mark: string): Transaction => ({
  compares: [{ range: accountRange, result: "equal", operand: { type: "version", number: 0 } }],
  success: accounts.map((key) => put(key, balance, mark)),
  failure: [],
});

const lookAt = (at: number | null): Query => ({
  type: "range",
  range: { ...allOf(accountRange), revision: at === null ? null : revision(at) },
  place: rangeStart,
});

/** Two looks in one transaction that only reads. */
const auditing: Query = {
  type: "transaction",
  transaction: {
    compares: [{ range: accountRange, result: "greater", operand: { type: "version", number: 0 } }],
    success: [
      { type: "range", query: allOf(accountRange) },
      { type: "range", query: { ...allOf(accountRange), countOnly: true } },
    ],
    failure: [],
  },
};
