/**
 * Runs one active check: one request or one connection, within its timeout. Follows no redirection, reads no more of an
 * answer than is kept of it. Never throws: whatever goes wrong is what the check says.
 */
import { connect } from "cloudflare:sockets";
import { limits } from "../../src/support/limits.ts";
import { answered, connected, failed, unanswered } from "../../src/registry/check-results.ts";
import type { ActiveCheck } from "../../src/registry/check-results.ts";
import { checkTarget } from "../../src/registry/check-target.ts";
import type { Allowed } from "../../src/registry/check-target.ts";
import type { CheckState } from "../../src/registry/model.ts";

export async function runCheck(check: ActiveCheck, allowed: Allowed): Promise<CheckState> {
  // What was allowed when it was registered may be allowed no more.
  const refused = checkTarget(check, allowed);
  if (refused !== null) return failed(check, `not run: ${refused}`);
  const signal = AbortSignal.timeout(check.timeoutMs);
  try {
    return check.kind === "http" ? await request(check, signal) : await open(check, signal);
  } catch (error) {
    return signal.aborted ? unanswered(check) : failed(check, error instanceof Error ? error.message : String(error));
  }
}

async function request(check: Extract<ActiveCheck, { kind: "http" }>, signal: AbortSignal): Promise<CheckState> {
  const { url, method, body } = check;
  const headers = new Headers({ "user-agent": "synod-check", accept: "text/plain, text/*, */*" });
  for (const [name, value] of Object.entries(check.headers)) headers.set(name, value);
  const sent = body === "" ? {} : { body };
  const response = await fetch(url, { method, headers, ...sent, redirect: "manual", cache: "no-store", signal });
  return answered(check, response.status, response.statusText, await beginningOf(response));
}

/** The rest is given up: it would keep one of a few connections. */
async function beginningOf({ body }: Response): Promise<string> {
  if (body === null) return "";
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (let bytes = 0; bytes < limits.checkReadBytes;) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.length;
      text += decoder.decode(value.subarray(0, limits.checkReadBytes), { stream: true });
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
  return text;
}

async function open(check: Extract<ActiveCheck, { kind: "tcp" }>, signal: AbortSignal): Promise<CheckState> {
  const { host, port } = check;
  const socket = connect({ hostname: host, port });
  socket.closed.catch(() => undefined);
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("too late")), { once: true });
  });
  try {
    await Promise.race([socket.opened, late]);
    return connected(check);
  } finally {
    socket.close().catch(() => undefined);
  }
}
