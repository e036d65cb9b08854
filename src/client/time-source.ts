/**
 * One source of time over HTTP: `GET /time`, of a region if one is named. The stamps are taken as close to the network as
 * can be: before the question is handed over, and when the answer's head is there, not its body.
 */
import * as v from "valibot";
import { randomIdentity } from "../support/random.ts";
import type { Random } from "../support/random.ts";
import type { Answer, Failure } from "../time/answer.ts";
import { leapUnsynchronised } from "../time/leap.ts";

export type Asked = { readonly type: "answer"; readonly answer: Answer } | Failure;

export interface TimeSource {
  readonly name: string;
  /** Never rejects. @param base the clock for t1 and t4. */
  readonly ask: (base: () => number, signal: AbortSignal) => Promise<Asked>;
}

/** The parts of `fetch` that are used. */
export type Fetch = (
  url: string,
  options: { readonly signal: AbortSignal },
) => Promise<{
  readonly status: number;
  readonly headers: { readonly get: (name: string) => string | null };
  readonly json: () => Promise<unknown>;
}>;

const amount = v.pipe(v.number(), v.finite(), v.minValue(0));
const replySchema = v.object({
  t1: v.string(),
  t2: v.pipe(v.number(), v.finite()),
  t3: v.pipe(v.number(), v.finite()),
  tick_ms: amount,
  leap: v.picklist([0, 1, 2, 3]),
  stratum: v.pipe(v.number(), v.integer()),
  root_delay_ms: amount,
  root_dispersion_ms: amount,
});
const problemSchema = v.object({ leap: v.optional(v.number()), code: v.optional(v.string()) });
const regionsSchema = v.object({ regions: v.array(v.object({ region: v.string() })) });

const lost: Failure = { type: "lost" };
const malformed: Failure = { type: "refused", reason: "malformed" };
const unsynchronised: Failure = { type: "refused", reason: "unsynchronised" };

export interface HttpTimeSourceOptions {
  /** Where Synod is: `https://synod.example`. */
  readonly url: string;
  /** Whose clock; absent: that of the gateway that answers, which may be another every time. */
  readonly region?: string;
  readonly fetch: Fetch;
  readonly random: Random;
}

export function httpTimeSource({ url, region, fetch, random }: HttpTimeSourceOptions): TimeSource {
  return {
    name: region ?? url,
    ask: async (base, signal) => {
      // Not our clock: it is nobody's business, and whoever cannot see it cannot forge an answer.
      const nonce = randomIdentity(random);
      const address = new URL("/time", url);
      address.searchParams.set("t1", nonce);
      if (region !== undefined) address.searchParams.set("region", region);
      try {
        const t1 = base();
        const response = await fetch(address.href, { signal });
        const t4 = base();
        if (response.status !== 200) return await failureOf(response);
        const reply = v.safeParse(replySchema, await response.json());
        // Someone else's answer, or an old one (RFC 5905: bogus).
        if (!reply.success || reply.output.t1 !== nonce) return malformed;
        return { type: "answer", answer: answerOf(reply.output, t1, t4) };
      } catch {
        return lost;
      }
    },
  };
}

function answerOf(reply: v.InferOutput<typeof replySchema>, t1: number, t4: number): Answer {
  const { t2, t3, leap, stratum, tick_ms: tickMs } = reply;
  const { root_delay_ms: rootDelayMs, root_dispersion_ms: rootDispersionMs } = reply;
  return { t1, t2, t3, t4, tickMs, leap, stratum, rootDelayMs, rootDispersionMs };
}

async function failureOf(response: Awaited<ReturnType<Fetch>>): Promise<Failure> {
  switch (response.status) {
    case 429: {
      const seconds = Number(response.headers.get("retry-after"));
      return { type: "rate", retryAfterMs: seconds > 0 && Number.isFinite(seconds) ? seconds * 1000 : 0 };
    }
    case 401:
    case 403:
      return { type: "denied" };
    case 503: {
      const problem = v.safeParse(problemSchema, await response.json());
      const says = problem.success && problem.output;
      if (says === false) return lost;
      return says.leap === leapUnsynchronised || says.code === "clock-unsynchronised" ? unsynchronised : lost;
    }
    default:
      return lost;
  }
}

/** The regions whose clocks can be asked there. @throws {Error} when there is no such answer. */
export async function regionsAt(url: string, fetch: Fetch, signal: AbortSignal): Promise<readonly string[]> {
  const response = await fetch(new URL("/time/regions", url).href, { signal });
  const reply = v.safeParse(regionsSchema, await response.json());
  if (!reply.success) throw new Error(`${url} does not say which regions it has`);
  return reply.output.regions.map(({ region }) => region);
}
