/** Debian's Python client of Consul, python3-consul, against `/v1`: `uses_consul.py` does the work and judges it. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { run } from "./programs.ts";
import type { Setting } from "./stage.ts";
import type { Tally } from "./tally.ts";

/** The interpreter that Debian's packages belong to: another one on the path does not know them. */
const python = "/usr/bin/python3";

export function noPythonConsul(): string | null {
  const there = spawnSync(python, ["-c", "import consul.std"]).status === 0;
  return there ? null : "python's consul not installed: apt-get install python3-consul";
}

interface Line {
  readonly what?: string;
  readonly ok?: boolean;
  readonly seen?: unknown;
  readonly expected?: unknown;
  readonly requests?: number;
}

export async function pythonConsul(tally: Tally, { stage, long }: Setting): Promise<void> {
  const { hostname, port } = new URL(stage.url);
  const script = join(import.meta.dirname, "uses_consul.py");
  const args = ["-B", script, hostname, port, ...(long ? ["--long"] : [])];
  const { code, stdout, stderr } = await run(python, args, 300_000);
  for (const text of stdout.split("\n").filter((one) => one !== "")) {
    const { what, ok, seen, expected, requests } = JSON.parse(text) as Line;
    if (requests !== undefined) tally.operations += requests;
    else if (ok === true) tally.like(what ?? "", true, true);
    else tally.like(what ?? "", seen ?? null, expected ?? "what it judges");
  }
  tally.like("it ended well", [code, stderr.slice(-2_000)], [0, ""]);
}
