/**
 * Lets every client loose on one Synod, and gathers what came of it. Used by the short form (`../registry.test.ts`) and the
 * long one (`main.ts`). Parts share the Synod, and have names of their own in it; Prometheus' is one of its own.
 */
import { dig } from "./dig.ts";
import { curl, digHttps, kdig } from "./doh.ts";
import { haproxy } from "./haproxy.ts";
import { noNamespace } from "./namespace.ts";
import { npmConsul } from "./npm-consul.ts";
import { missing } from "./programs.ts";
import { prometheus } from "./prometheus.ts";
import { noPythonConsul, pythonConsul } from "./python-consul.ts";
import type { Setting } from "./stage.ts";
import { Tally } from "./tally.ts";
import type { Told } from "./tally.ts";

export interface Part {
  readonly client: string;
  /** Why it cannot be tried here, or null. */
  readonly skipped: () => string | null;
  readonly run: (tally: Tally, setting: Setting) => Promise<void>;
}

const front = ["haproxy", "curl", "openssl"] as const;

export const parts: readonly Part[] = [
  { client: "npm consul", skipped: () => null, run: npmConsul },
  { client: "python3-consul", skipped: noPythonConsul, run: pythonConsul },
  { client: "prometheus", skipped: () => missing("prometheus") ?? noNamespace(), run: prometheus },
  { client: "dig", skipped: () => missing("dig"), run: dig },
  { client: "dig +https", skipped: () => missing("dig", ...front), run: digHttps },
  { client: "kdig +https", skipped: () => missing("kdig", ...front), run: kdig },
  { client: "curl --doh-url", skipped: () => missing(...front), run: curl },
  { client: "haproxy", skipped: () => missing("haproxy"), run: haproxy },
];

export interface Outcome extends Told {
  readonly skipped: string | null;
  readonly seconds: number;
}

/** Never throws: what goes wrong is a mismatch. */
export async function outcomeOf(part: Part, setting: Setting): Promise<Outcome> {
  const tally = new Tally(part.client, setting.twin !== undefined);
  const skipped = part.skipped();
  const began = performance.now();
  if (skipped === null) await part.run(tally, setting).catch((error: unknown) => tally.failed(error));
  const { client, operations, assertions, mismatches, notes } = tally;
  return { client, operations, assertions, mismatches, notes, skipped, seconds: (performance.now() - began) / 1000 };
}
