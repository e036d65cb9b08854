/**
 * What `npm run cost` counts: each operation, how it is prepared, and how often it is carried out. A namespace of its own
 * for each, founded and led before anything is counted.
 */
import { inTurn, keysFrom, together } from "./client.ts";
import type { Client } from "./client.ts";

export interface Operation {
  readonly title: string;
  /** What the figures are divided by: so many are carried out by one `run`. */
  readonly times: number;
  readonly prepare?: (client: Client) => Promise<unknown>;
  readonly run: (client: Client) => Promise<unknown>;
}

const rounds = 20;
const keys = keysFrom(0, 1_000);
const keyOf = (at: number): string => keys[at % keys.length] ?? "";
const transaction = `{"then":${JSON.stringify(keys.slice(0, 10).map((key) => ({ put: { key, value: "x" } })))}}`;
const fill = async (client: Client): Promise<void> => client.batch(keys);
const instance = { address: "10.0.0.9", port: 80, ttl: 600 };
const instances = keysFrom(0, 1_000).map((name) => ({ service: "web", instance: name }));
const registerAll = async (client: Client): Promise<unknown> =>
  client.ask("POST", "/services", { register: instances.map((one) => ({ ...one, ...instance })) });
const batches = (size: number): Operation => ({
  title: `put, existing key, \`/batch\` of ${size}`,
  times: rounds * size,
  prepare: fill,
  run: async (client) => inTurn(rounds, async () => client.batch(keys.slice(0, size))),
});
const concurrent = (size: number): Operation => ({
  title: `put, existing key, ${size} clients at once`,
  times: rounds * size,
  prepare: fill,
  run: async (client) => inTurn(rounds, async () => together(size, async (at) => client.put(keyOf(at)))),
});

export const writes: readonly Operation[] = [
  {
    title: "put, new key",
    times: 100,
    run: async (client) => inTurn(100, async (at) => client.put(keyOf(at))),
  },
  {
    title: "put, existing key",
    times: 100,
    prepare: fill,
    run: async (client) => inTurn(100, async (at) => client.put(keyOf(at))),
  },
  { title: "put, existing key, alone with quiet after", times: 1, prepare: fill, run: async (c) => c.put(keyOf(0)) },
  {
    title: "put with an `Idempotency-Key`",
    times: 100,
    prepare: fill,
    run: async (client) =>
      inTurn(100, async (at) => client.put(keyOf(at), "x", { "idempotency-key": `once-${at}-${client.namespace}` })),
  },
  {
    title: "put in a session",
    times: 100,
    prepare: fill,
    run: async (client) =>
      inTurn(100, async (at) =>
        client.put(keyOf(at), "x", { "synod-session": "s1", "synod-sequence": String(at + 1) }),
      ),
  },
  {
    title: "put of a key tied to a lease",
    times: 100,
    prepare: async (client) => client.ask("POST", "/leases", { id: "7", ttl: 600 }),
    run: async (client) => inTurn(100, async (at) => client.put(`${keyOf(at)}?lease=7`)),
  },
  {
    title: "delete",
    times: 100,
    prepare: fill,
    run: async (client) => inTurn(100, async (at) => client.ask("DELETE", `/kv/${keyOf(at)}`)),
  },
  {
    title: "transaction of 10 puts",
    times: 20,
    prepare: fill,
    run: async (client) =>
      inTurn(20, async () => client.ask("POST", "/txn", transaction, { "content-type": "application/json" })),
  },
  batches(1),
  batches(10),
  batches(100),
  {
    title: "put, new key, `/batch` of 100",
    times: rounds * 100,
    run: async (client) => inTurn(rounds, async (at) => client.batch(keysFrom(at * 100, 100))),
  },
  batches(1_000),
  concurrent(10),
  concurrent(100),
];

export const reads: readonly Operation[] = [
  ...(
    [
      ["linearizable", ""],
      ["session", "?consistency=session&at-least=2"],
      ["local", "?consistency=local"],
    ] as const
  ).map(([title, query]): Operation => ({
    title: `get, ${title}`,
    times: 100,
    prepare: fill,
    run: async (client) => inTurn(100, async (at) => client.get(keyOf(at), query)),
  })),
  {
    title: "get, linearizable, 100 clients at once",
    times: rounds * 100,
    prepare: fill,
    run: async (client) => inTurn(rounds, async () => together(100, async (at) => client.get(keyOf(at)))),
  },
  {
    title: "listing of 100 keys, local",
    times: 20,
    prepare: fill,
    run: async (client) => inTurn(20, async () => client.ask("GET", "/kv?limit=100&consistency=local")),
  },
  ...["local", "linearizable"].map((consistency): Operation => ({
    title: `lookup of a service with 10 instances, ${consistency}`,
    times: 20,
    prepare: async (client) =>
      client.ask("POST", "/services", { register: instances.slice(0, 10).map((one) => ({ ...one, ...instance })) }),
    run: async (client) => inTurn(20, async () => client.ask("GET", `/services/web?consistency=${consistency}`)),
  })),
  {
    title: "decision proposed",
    times: 20,
    prepare: async (client) => client.ask("PUT", "/decisions/first", "red"),
    run: async (client) => inTurn(20, async (at) => client.ask("PUT", `/decisions/d-${at}`, "red")),
  },
  {
    title: "decision asked for, known to this gateway",
    times: 20,
    prepare: async (client) => client.ask("PUT", "/decisions/first", "red"),
    run: async (client) => inTurn(20, async () => client.ask("GET", "/decisions/first")),
  },
];

export const renewals: readonly Operation[] = [
  {
    title: "lease granted",
    times: 20,
    prepare: fill,
    run: async (client) => inTurn(20, async () => client.ask("POST", "/leases", { ttl: 600 })),
  },
  {
    title: "lease renewed",
    times: 20,
    prepare: async (client) => client.ask("POST", "/leases", { id: "7", ttl: 600 }),
    run: async (client) => inTurn(20, async () => client.ask("PUT", "/leases/7")),
  },
  {
    title: "instance registered",
    times: 20,
    prepare: fill,
    run: async (client) => inTurn(20, async (at) => client.ask("PUT", `/services/web/i-${at}`, instance)),
  },
  {
    title: "instance renewed",
    times: 20,
    prepare: async (client) => client.ask("PUT", "/services/web/i-0", instance),
    run: async (client) => inTurn(20, async () => client.ask("PUT", "/services/web/i-0", instance)),
  },
  {
    title: "instance renewed, 1,000 in one request",
    times: 1_000,
    prepare: registerAll,
    run: async (client) => client.ask("POST", "/services", { renew: instances }),
  },
];
