/**
 * What is called over a pipeline and what becomes of it: an answer, or the reason why there is none. Settled by
 * `pipeline.ts` and `pipeline-connection.ts`; knows no socket and no time. Of a write it never claims that nothing was
 * done once it was sent (SPEC U1).
 */

/** What was answered, as by the door of a single key: `status` 200 or 201, and its members. */
export interface PipelineAnswer {
  readonly status: number;
  readonly key: string;
  readonly [member: string]: unknown;
}

/** Why a request has no answer. */
export class PipelineError extends Error {
  override readonly name = "PipelineError";
  /** The problem's code, such as `key-not-found`; or `connection-lost`, `timed-out`, `closed`, `too-large`, `too-many-waiting`. */
  readonly code: string;
  readonly status: number;
  /** Of a write: whether it may have been carried out. */
  readonly outcome: "not-applied" | "unknown";

  constructor(code: string, detail: string, status: number, outcome: PipelineError["outcome"]) {
    super(detail);
    this.code = code;
    this.status = status;
    this.outcome = outcome;
  }
}

export interface Call {
  readonly id: number;
  /** The request as JSON, without the brace and the name before its id. */
  readonly text: string;
  /** It is given up then, by `performance.now()`. */
  readonly until: number;
  readonly maySendAgain: boolean;
  sent: boolean;
  readonly resolve: (answer: PipelineAnswer) => void;
  readonly reject: (error: PipelineError) => void;
}

/** The gateway's reason for refusing a call. */
export interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly outcome?: PipelineError["outcome"];
}

/** @param problem why `answer` is none. */
export function settle({ resolve, reject }: Call, answer: PipelineAnswer, problem: Problem | undefined): void {
  if (problem === undefined) resolve(answer);
  else reject(new PipelineError(problem.code, problem.detail, answer.status, problem.outcome ?? "not-applied"));
}

/** Nobody answered: what was never sent was never done. */
export function fail({ sent, reject }: Call, code: string, detail: string): void {
  reject(new PipelineError(code, detail, 0, sent ? "unknown" : "not-applied"));
}
