/**
 * The checker, checked: every broken twin must be caught, by the invariant that its mistake breaks first, and every one
 * must be able to end in two chosen values. A twin that nobody catches means that the model or its invariants are blind.
 */
import { readdirSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { explore } from "./explorer.ts";
import type { Exploration } from "./explorer.ts";
import { singleDecree } from "./single-decree/model.ts";
import { invariants } from "./single-decree/state.ts";
import { twins } from "./twins/all.ts";

const table: string[] = [];

for (const { name, rule, roles, budgets, firstBreaks } of twins) {
  test(`the model catches the twin that ${name} (${rule})`, () => {
    const first = explore(singleDecree(budgets, roles));
    expect(first.violation?.invariant).toBe(firstBreaks);
    expect(first.violation?.trace).not.toEqual([]);

    // Judged by agreement alone: the mistake is one of safety, and the budgets are deep enough to show it.
    const alone = { "C2 agreement": invariants["C2 agreement"] };
    const last = explore({ ...singleDecree(budgets, roles), invariants: alone });
    expect(last.violation?.invariant).toBe("C2 agreement");
    table.push([name.padEnd(34), firstBreaks.padEnd(38), cost(first), cost(last)].join(" "));
  });
}

const cost = ({ states, violation }: Exploration): string =>
  `${states} states, ${violation?.trace.length ?? 0} steps`.padStart(24);

test("every twin on file is listed", () => {
  const files = readdirSync(new URL("twins", import.meta.url)).filter((f) => f !== "twin.ts" && f !== "all.ts");
  expect(twins.length).toBe(files.length);
});

afterAll(() => {
  const head = ["twin".padEnd(34), "first invariant broken".padEnd(38), "until then", "until two are chosen"];
  console.log([head.map((title, i) => (i < 2 ? title : title.padStart(24))).join(" "), ...table].join("\n"));
});
