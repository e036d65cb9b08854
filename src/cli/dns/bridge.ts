/**
 * What the bridge says to a DNS message, by whatever transport it came: an answer of the deployment, fresh or as long as it
 * holds, or DNS's own word for why there is none. Opens no sockets. Takes any bytes.
 */
import { dnsCodes, emptyReply, judgeQuery } from "../../wire/dns-message.ts";
import type { AnswerPlaces, DnsQuery } from "../../wire/dns-message.ts";
import { foldedLabel } from "../../wire/dns-labels.ts";
import { codeOf, cut, lifetimeOf, refreshed } from "../../wire/dns-passing-on.ts";
import { encodeReply } from "../../wire/dns-writer.ts";
import { plainUdpBytes } from "../../wire/dns-message.ts";
import { bridgeLimits } from "./limits.ts";
import type { AskUpstream } from "./upstream.ts";

/** What was answered, and since when. */
interface Kept {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly places: AnswerPlaces;
  /** Both in ms of the bridge's clock. */
  readonly since: number;
  readonly until: number;
}

export interface BridgeOptions {
  readonly ask: AskUpstream;
  /** A clock that never goes back, in ms. */
  readonly now: () => number;
  /** The largest datagram that may be sent, whatever its receiver would take. */
  readonly datagramBytes: number;
}

const servfail = { ...emptyReply(dnsCodes.SERVFAIL), remark: "noReachableAuthority" } as const;

export class Bridge {
  readonly #options: BridgeOptions;
  /** In the order of their last use. */
  readonly #kept = new Map<string, Kept>();
  #keptBytes = 0;
  readonly #asked = new Map<string, Promise<Kept | null>>();
  /** Since the start. */
  readonly counts = { answered: 0, fromCache: 0, refused: 0, failed: 0, ignored: 0 };

  constructor(options: BridgeOptions) {
    this.#options = options;
  }

  /** @returns null for silence: what came is no question. */
  async answer(bytes: Uint8Array, transport: "udp" | "tcp"): Promise<Uint8Array<ArrayBuffer> | null> {
    const judged = judgeQuery(bytes);
    if (judged.type === "none") {
      this.counts.ignored += 1;
      return null;
    }
    if (judged.type === "refused") {
      this.counts.refused += 1;
      return encodeReply(judged.refusal, emptyReply(judged.refusal.code));
    }
    const { query } = judged;
    const kept = await this.#find(query);
    if (kept === null) {
      this.counts.failed += 1;
      return encodeReply(query, servfail);
    }
    this.counts.answered += 1;
    const { header, question } = query;
    const age = Math.floor((this.#options.now() - kept.since) / 1000);
    const whole = refreshed(kept.bytes, kept.places, header, question.name, age);
    return transport === "tcp" ? whole : cut(whole, kept.places, this.#roomFor(query));
  }

  #roomFor({ edns }: DnsQuery): number {
    return Math.max(plainUdpBytes, Math.min(edns?.udpBytes ?? 0, this.#options.datagramBytes));
  }

  /** Whoever asks what is being asked already waits for the same answer. */
  async #find(query: DnsQuery): Promise<Kept | null> {
    const key = keyOf(query);
    const kept = this.#fresh(key);
    if (kept !== null) {
      this.counts.fromCache += 1;
      return kept;
    }
    const before = this.#asked.get(key);
    if (before !== undefined) return before;
    if (this.#asked.size >= bridgeLimits.questions) return null;
    const asking = this.#ask(query, key).finally(() => this.#asked.delete(key));
    this.#asked.set(key, asking);
    return asking;
  }

  async #ask(query: DnsQuery, key: string): Promise<Kept | null> {
    const found = await this.#options.ask(query);
    if (found === null) return null;
    const { bytes, places, ageSeconds } = found;
    const since = this.#options.now() - ageSeconds * 1000;
    const holds = [dnsCodes.NOERROR, dnsCodes.NXDOMAIN].some((code) => code === codeOf(bytes));
    const kept = { bytes, places, since, until: since + (holds ? lifetimeOf(bytes, places) * 1000 : 0) };
    if (kept.until > this.#options.now()) this.#keep(key, kept);
    return kept;
  }

  #fresh(key: string): Kept | null {
    const kept = this.#kept.get(key);
    if (kept === undefined) return null;
    this.#forget(key);
    if (kept.until <= this.#options.now()) return null;
    this.#keep(key, kept);
    return kept;
  }

  #keep(key: string, kept: Kept): void {
    this.#forget(key);
    this.#kept.set(key, kept);
    this.#keptBytes += kept.bytes.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= bridgeLimits.answers && this.#keptBytes <= bridgeLimits.answerBytes) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#keptBytes -= this.#kept.get(key)?.bytes.length ?? 0;
    this.#kept.delete(key);
  }
}

/** All that an answer may depend on. */
const keyOf = ({ header, question, edns }: DnsQuery): string =>
  JSON.stringify([
    question.name.map(foldedLabel),
    question.type,
    question.class,
    header.checkingDisabled,
    edns === null ? null : edns.dnssecOk,
  ]);
