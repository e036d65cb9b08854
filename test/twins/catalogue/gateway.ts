/** Twins of the gateway: how it asks again, and what it then says. */
import type { Twin } from "../twin.ts";

const area = "gateway";
const file = "workers/gateway/replicas.ts";

export const gateway: readonly Twin[] = [
  {
    name: "asks-again-under-a-fresh-id",
    area,
    rule: "X1",
    wrong: "Two replicas take the same write for two, and both are carried out.",
    file,
    find: "asked.set(region, ask(visit, region, request, left));",
    replace:
      'asked.set(region, ask(visit, region, waiting.length === visit.regions.length - 1 || request.type !== "write" ? request : { ...request, id: `${request.id}/${region}` }, left));',
    check: "simulation",
    expected: /\[(X1|L3|R1)\]/,
  },
  {
    name: "is-never-in-doubt",
    area,
    rule: "U1",
    wrong: "A replica that did not answer may have carried the request out.",
    file,
    find: `const outcome = inDoubt ? "unknown" : "not-applied";`,
    replace: `const outcome = "not-applied";`,
    check: "simulation",
    expected: /\[(U1|R1)\]/,
  },
  {
    name: "forgets-who-is-still-being-asked",
    area,
    rule: "U1",
    wrong: "One replica refuses for good, but another was given the same request and may yet carry it out.",
    file,
    find: "inDoubt ||= asked.size > 0;",
    replace: "",
    check: "test/runtime/replicas.test.ts",
    expected: /\[U1\]/,
  },
  {
    name: "calls-late-what-may-have-been-in-time",
    area,
    rule: "U1",
    wrong: "Another copy of the request may have been carried out before the deadline passed.",
    file: "workers/gateway/writes.ts",
    find: `outcome: inDoubt ? "unknown" : "not-applied",`,
    replace: `outcome: "not-applied",`,
    check: "simulation",
    expected: /\[U1\]/,
  },
  {
    name: "tells-companions-the-first-ones-answer",
    area,
    rule: "U1",
    wrong: "Requests that travelled together are all told what became of one of them.",
    file: "workers/gateway/coalescing.ts",
    find: "settle({ reply: replies[at] ?? null,",
    replace: "settle({ reply: replies[at * 0] ?? null,",
    check: "test/unit/workers/coalescing.test.ts",
    expected: /\[U1\]/,
  },
];
