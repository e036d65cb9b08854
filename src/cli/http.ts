/** Asking a deployment for JSON, with its problems in one line each. */
import { CommandError } from "./errors.ts";

const timeoutMs = 10_000;

/** @throws {CommandError} when it cannot be reached, or answers with a problem or with no JSON. */
export async function askJson(url: string, token: string | undefined): Promise<unknown> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { headers, signal: AbortSignal.timeout(timeoutMs) });
    text = await response.text();
  } catch (error) {
    const { cause, message } = error as Error;
    throw new CommandError(`${url} cannot be reached: ${cause instanceof Error ? cause.message : message}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new CommandError(`${url} answered ${response.status}, and not in JSON`);
  }
  if (response.ok) return value;
  const { code, detail } = (value ?? {}) as { readonly code?: unknown; readonly detail?: unknown };
  throw new CommandError(`${url} answered ${response.status} ${String(code)}: ${String(detail)}`);
}
