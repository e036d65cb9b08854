/**
 * Which data centre this object really landed in: asked once of the platform's trace page, from inside. Location hints are
 * wishes; two acceptors that share a place share its fate. Locally there is nothing to ask: "local".
 */
import { limits } from "../../src/support/limits.ts";

const asked = new Map<string, string>();

/** @returns the data centre's code, "local", or "unknown" while the page does not answer. */
export async function dataCentre(traceUrl: string | undefined): Promise<string> {
  if (traceUrl === undefined || traceUrl === "") return "local";
  const known = asked.get(traceUrl);
  if (known !== undefined) return known;
  try {
    const response = await fetch(traceUrl, { signal: AbortSignal.timeout(limits.statusMs / 2) });
    const colo = /^colo=([A-Z]{3})$/m.exec(await response.text())?.[1];
    if (colo === undefined) return "unknown";
    asked.set(traceUrl, colo);
    return colo;
  } catch {
    return "unknown";
  }
}
