/** How a client reaches the cluster: it chooses a region, sends, and remembers what failed it, and how. */
import type { Recording } from "../recording.ts";
import type { Choice } from "./choice.ts";
import { exchange, problemIn, type Answer, type Exchange, type Problem, type Sending } from "./http.ts";
import { pause } from "./pause.ts";

export interface Roads {
  readonly gateways: ReadonlyMap<string, string>;
  readonly choice: Choice;
  readonly recording: Recording;
}

/** A dead gateway refuses faster than a living one answers: nobody should spend the storm knocking there. */
const afterClosedDoorMs = 150;

/** The problems that a region may have while others, or its disk, fail it. Any other code is a surprise. */
const explained: ReadonlySet<string> = new Set(["no-quorum", "overloaded", "catching-up", "deadline-passed"]);

export async function send({ gateways, choice, recording }: Roads, path: string, sending?: Sending): Promise<Exchange> {
  const region = choice.next();
  const exchanged = await exchange(`${gateways.get(region)}${path}`, sending);
  const { reply, calledAt, returnedAt } = exchanged;
  switch (reply.type) {
    case "answered":
      if (reply.answer.status >= 500) choice.failed(region);
      break;
    case "not-sent":
      choice.failed(region);
      recording.trouble("nobody listened");
      await pause(afterClosedDoorMs);
      break;
    case "no-answer":
      // A client that walked away was not failed by anybody.
      if (reply.why === "walked away") break;
      choice.failed(region);
      recording.trouble(reply.why);
      if (reply.why === "silence") recording.silences.push({ region, what: path, calledAt, returnedAt });
  }
  return exchanged;
}

/** Reads a problem, and notes it if no fault explains it. */
export function troubleIn({ recording }: Pick<Roads, "recording">, what: string, answer: Answer): Problem {
  const problem = problemIn(answer);
  recording.trouble(problem.code);
  if (!explained.has(problem.code)) {
    recording.surprises.push(`${what} was answered ${answer.status} ${answer.body.slice(0, 300)}`);
  }
  return problem;
}
