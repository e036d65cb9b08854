/**
 * Many exchanges on one WebSocket, without a handshake in their round trips: text for JSON, 48 bytes for NTP. Each answer
 * also tells when the one before it really left (as the interleaved mode of RFC 9769): by the time that is known, the
 * answer itself is gone. No timer runs here, and nothing is kept but the last stamps.
 */
import { limits } from "../../src/support/limits.ts";
import type { Bindings } from "../bindings.ts";
import { Problem, problemDocument, problemOf } from "../gateway/problems.ts";
import { acceptedProtocol } from "../gateway/sockets.ts";
import { strictJson } from "../gateway/strict-json.ts";
import type { Visit } from "../gateway/visit.ts";
import { answer } from "./answer.ts";
import { addressOf, Budget, rateLimited, spend } from "./budget.ts";
import { packetAnswer, packetRefusal, questionIn } from "./packet.ts";
import { questionOf, readQuestion } from "./question.ts";
import { ownReading } from "./reading.ts";

/** An answer, and the stamps by which the next one completes it. */
interface Outgoing {
  readonly data: Record<string, unknown> | Uint8Array<ArrayBuffer>;
  readonly t2: number | null;
}

/** Close codes of RFC 6455. */
const policyViolation = 1008;
const messageTooBig = 1009;

/** @throws {Problem} when this isolate holds as many sockets as it can. */
export function openTimeSocket(visit: Visit, env: Bindings, headers: Headers): Response {
  const { time } = visit.memory;
  if (time.sockets >= limits.timeSockets) {
    throw new Problem("overloaded", `this gateway holds ${limits.timeSockets} WebSockets for the time`);
  }
  const [client, server] = Object.values(new WebSocketPair());
  if (client === undefined || server === undefined) throw new Error("a pair of sockets has two");
  time.sockets += 1;
  new TimeSocket(visit, env, server, addressOf(headers)).open(() => (time.sockets -= 1));
  return new Response(null, { status: 101, webSocket: client, headers: acceptedProtocol(headers) });
}

class TimeSocket {
  readonly #visit: Visit;
  readonly #env: Bindings;
  readonly #socket: WebSocket;
  readonly #address: string | null;
  readonly #budget: Budget;
  #waiting = 0;
  #faults = 0;
  #closed = false;
  /** The answer before: when its question came, and this clock's last stamp before it was handed over. */
  #last: { readonly t2: number; readonly t3: number } | null = null;

  constructor(visit: Visit, env: Bindings, socket: WebSocket, address: string | null) {
    this.#visit = visit;
    this.#env = env;
    this.#socket = socket;
    this.#address = address;
    this.#budget = new Budget(visit.now());
  }

  open(closed: () => void): void {
    let counted = true;
    const end = (): void => {
      this.#closed = true;
      if (counted) closed();
      counted = false;
    };
    this.#socket.addEventListener("message", ({ data }) => {
      // Before anything else: the stamp of arrival.
      const arrived = this.#visit.now();
      if (!this.#closed) void this.#take(data, arrived);
    });
    // The runtime answers a close by itself.
    this.#socket.addEventListener("close", end);
    this.#socket.addEventListener("error", end);
    this.#socket.accept();
    this.#socket.binaryType = "arraybuffer";
  }

  async #take(data: unknown, arrived: number): Promise<void> {
    const size = typeof data === "string" ? data.length : data instanceof ArrayBuffer ? data.byteLength : 0;
    if (size > limits.timeQuestionBytes) {
      this.#close(messageTooBig, `a message has at most ${limits.timeQuestionBytes} bytes`);
      return;
    }
    if (this.#waiting >= limits.timeInFlight) {
      this.#refuse(rateLimited());
      return;
    }
    this.#waiting += 1;
    try {
      const outgoing = typeof data === "string" ? await this.#json(data, arrived) : await this.#packet(data, arrived);
      this.#send(outgoing);
    } catch (error) {
      this.#refuse(problemOf(error));
    } finally {
      this.#waiting -= 1;
    }
  }

  async #json(text: string, arrived: number): Promise<Outgoing> {
    const parsed = strictJson(text);
    if (!parsed.ok) throw new Problem("invalid-body", parsed.reason);
    const asked = readQuestion(parsed.value);
    try {
      await this.#spend(arrived);
      const told = await answer(this.#visit, this.#env, questionOf(asked, this.#visit.config), arrived);
      // A region's stamps are not this socket's: those of the hop are.
      const t2 = "hop" in told ? told.hop.t1 : told.t2;
      const before = this.#last === null ? {} : { interleaved: this.#last };
      return { data: { ...told, ...before }, t2 };
    } catch (error) {
      const problem = problemOf(error);
      this.#fault(problem);
      const echo = asked.t1 === undefined ? {} : { t1: asked.t1 };
      return { data: { ...echo, problem: problemDocument(problem, "GET") }, t2: null };
    }
  }

  async #packet(data: unknown, arrived: number): Promise<Outgoing> {
    const question = questionIn(data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(0));
    try {
      await this.#spend(arrived);
      return { data: packetAnswer(question, ownReading(this.#visit, arrived)), t2: arrived };
    } catch (error) {
      const problem = problemOf(error);
      const kiss = packetRefusal(question, problem);
      if (kiss === null) throw problem;
      this.#fault(problem);
      return { data: kiss, t2: null };
    }
  }

  async #spend(arrived: number): Promise<void> {
    if (!this.#budget.mayAsk(arrived)) throw rateLimited();
    await spend(this.#address, this.#env.TIME_RATE, this.#visit.memory.timeBudgets, arrived);
  }

  #send({ data, t2 }: Outgoing): void {
    if (this.#closed) return;
    const ready = data instanceof Uint8Array ? data : JSON.stringify(data);
    // Read as late as can be without being late: a stamp taken after it left would promise too much.
    const t3 = this.#visit.now();
    this.#socket.send(ready);
    if (t2 !== null) this.#last = { t2, t3 };
  }

  #refuse(problem: Problem): void {
    this.#fault(problem);
    this.#send({ data: { problem: problemDocument(problem, "GET") }, t2: null });
  }

  /** Whoever goes on after so many refusals is not listening. */
  #fault({ code, message }: Problem): void {
    const own = code !== "clock-unreachable" && code !== "clock-unsynchronised";
    if (own) this.#faults += 1;
    if (this.#faults > limits.timeFaults) this.#close(policyViolation, message);
  }

  #close(code: number, reason: string): void {
    if (this.#closed) return;
    // Nothing more is said or heard; the socket counts as open until the other side has answered, or is gone.
    this.#closed = true;
    this.#socket.close(code, reason.slice(0, 100));
  }
}
