/** The answer to a question for the time, as JSON: stamps, what they are worth, and a signed receipt if one is asked for. */
import { limits } from "../../src/support/limits.ts";
import { referenceIdOf, referenceIdText } from "../../src/time/ntp-packet.ts";
import { receiptJson, statementBytes } from "../../src/time/receipt.ts";
import type { Bindings } from "../bindings.ts";
import { platformErrorMs, precision, rootDispersionMs, stratum, tickMs } from "../gateway/clock-error.ts";
import type { Visit } from "../gateway/visit.ts";
import { isEphemeral, timeKeyOf } from "./keys.ts";
import type { Question } from "./question.ts";
import { ownReading, regionReading } from "./reading.ts";
import type { Reading } from "./reading.ts";

/** How far the truth may be from any stamp given out here. */
const radiusMs = rootDispersionMs + tickMs;

/** What holds for every stamp given out here. */
export const quality = {
  tick_ms: tickMs,
  precision,
  leap: 0,
  // Cloudflare's public time servers do not smear; that the hosts do not either is assumed, and why the radius is wide.
  leap_policy: "platform-no-smear",
  stratum,
  // The way from the platform's clocks to UTC is not measured: all doubt about it is in the dispersion.
  root_delay_ms: 0,
  root_dispersion_ms: rootDispersionMs,
  radius_ms: radiusMs,
  // The part of it that nobody measured.
  assumed_error_ms: platformErrorMs,
  min_interval_s: limits.timeIntervalMs / 1000,
};

/** The clock that a place's platform keeps, named for loop detection: places have no addresses. */
export const referenceOf = ({ region, dataCentre }: Pick<Reading, "region" | "dataCentre">): number =>
  referenceIdOf(`${region ?? "-"}/${dataCentre}`);

export const reading = async (visit: Visit, { region }: Pick<Question, "region">, t2: number): Promise<Reading> =>
  region === null ? ownReading(visit, t2) : regionReading(visit, region);

/** @param arrived this gateway's clock when the question came. */
export async function answer(visit: Visit, env: Bindings, question: Question, arrived: number) {
  // A key that is missing is said before anything else is done.
  const signer = question.nonce === null ? null : { nonce: question.nonce, key: await timeKeyOf(env) };
  const read = await reading(visit, question, arrived);
  const { t2, t3, hop, region, dataCentre } = read;
  const told = {
    ...(question.t1 === null ? {} : { t1: question.t1 }),
    t2,
    t3,
    ...(hop === undefined ? {} : { hop }),
    ...quality,
    refid: referenceIdText(referenceOf(read)),
    region,
    dataCentre,
  };
  if (signer === null) return told;
  const { key, nonce } = signer;
  const statement = { kid: key.kid, nonce, previous: question.previous, region, dataCentre, t2, t3, radiusMs };
  const receipt = { ...statement, signature: await key.sign(statementBytes(statement)) };
  return { ...told, receipt: receiptJson(receipt), ephemeral: isEphemeral(env) };
}
