/** The import direction is enforced: by the table, and by the linter that reads it. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { judgeImport } from "../../../scripts/lint/layers.ts";

describe("import direction", () => {
  it.each([
    ["src/support/brand.ts", "./assert.ts"],
    ["src/paxos/log.ts", "../support/limits.ts"],
    ["src/registry/health.ts", "../store/lease.ts"],
    ["src/replica/replica.ts", "../registry/lookup.ts"],
    ["src/wire/codec.ts", "../replica/messages.ts"],
    ["src/wire/codec.ts", "valibot"],
    ["src/cli/main.ts", "node:process"],
    ["workers/objects/acceptor.ts", "cloudflare:workers"],
    ["workers/routes/kv.ts", "../../src/store/command.ts"],
    ["workers/gateway.ts", "./objects/acceptor.ts"],
    ["test/sim/cluster.ts", "../../src/paxos/acceptor.ts"],
  ])("%s may import %s", (file, specifier) => {
    expect(judgeImport(file, specifier)).toBeUndefined();
  });

  it.each([
    ["src/support/brand.ts", "../paxos/ballot.ts"],
    ["src/paxos/log.ts", "../store/command.ts"],
    ["src/paxos/log.ts", "../time/filter.ts"],
    ["src/store/command.ts", "../paxos/ballot.ts"],
    ["src/store/command.ts", "../wire/codec.ts"],
    ["src/time/filter.ts", "../store/command.ts"],
    ["src/registry/health.ts", "../paxos/ballot.ts"],
    ["src/wire/codec.ts", "../replica/replica.ts"],
    ["src/replica/replica.ts", "../wire/codec.ts"],
    ["src/client/client.ts", "../store/command.ts"],
    ["src/paxos/log.ts", "hono"],
    ["src/paxos/log.ts", "cloudflare:workers"],
    ["src/replica/replica.ts", "node:crypto"],
    ["src/paxos/log.ts", "../support/limits"],
    ["src/paxos/log.ts", "../../workers/gateway.ts"],
    ["workers/routes/kv.ts", "../objects/replica.ts"],
    ["workers/routes/kv.ts", "../adapters/sqlite-store.ts"],
    ["workers/objects/acceptor.ts", "../../scripts/start.ts"],
  ])("%s may not import %s", (file, specifier) => {
    expect(judgeImport(file, specifier)).toBeTypeOf("string");
  });
});

describe("the linter", () => {
  const root = resolve(import.meta.dirname, "../../..");
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "synod-lint-"));
    cpSync(join(root, ".oxlintrc.json"), join(directory, ".oxlintrc.json"));
    cpSync(join(root, "scripts/lint"), join(directory, "scripts/lint"), { recursive: true });
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function lint(file: string, text: string): { readonly status: number | null; readonly output: string } {
    mkdirSync(join(directory, dirname(file)), { recursive: true });
    writeFileSync(join(directory, file), text);
    const run = spawnSync("oxlint", ["--deny-warnings", "src"], { cwd: directory, encoding: "utf8" });
    return { status: run.status, output: run.stdout + run.stderr };
  }

  it("accepts a synchronous core that imports downwards", () => {
    lint("src/support/limits.ts", "export const batchLimit = 3;\n");
    const text = 'import { batchLimit } from "../support/limits.ts";\nexport const twice = batchLimit * 2;\n';
    expect(lint("src/paxos/good.ts", text)).toMatchObject({ status: 0 });
  });

  it.each([
    ["an import against the direction", 'export { step } from "../store/step.ts";\n', "synod(import-direction)"],
    ["a package", 'import { Hono } from "hono";\nexport const app = new Hono();\n', "synod(import-direction)"],
    ["an async function", "export async function step(): Promise<void> {}\n", "synod(no-async)"],
    ["the clock", "export const now = (): number => Date.now();\n", "Date.now"],
    ["randomness", "export const draw = (): number => Math.random();\n", "Math.random"],
    ["a timer", "export const wait = (): unknown => setTimeout(() => undefined, 1);\n", "setTimeout"],
    ["a long file", "export const line = 1;\n" + "export {};\n".repeat(400), "max-lines"],
  ])("refuses %s in the core", (_, text, complaint) => {
    const { status, output } = lint("src/paxos/bad.ts", text);
    expect(status).not.toBe(0);
    expect(output).toContain(complaint);
  });
});
