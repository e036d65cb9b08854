/**
 * What operations cost, counted in the platform's runtime by the Worker that `npm run cost` uses: rows exactly, requests
 * without gossip exactly. A row or a call more is a decision, not an accident.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Client, inTurn, keysFrom } from "../../bench/cost/client.ts";
import { startCounted } from "../../bench/cost/counted.ts";
import type { Counted } from "../../bench/cost/counted.ts";
import { called, requestsIn, rowsByTable, rowsReadIn, rowsWrittenIn, slotsIn } from "../../bench/cost/counts.ts";
import type { Counts } from "../../bench/cost/counts.ts";

const directory = mkdtempSync(join(tmpdir(), "synod-cost-"));
let synod: Counted;
beforeAll(async () => {
  synod = await startCounted(join(directory, "data"), 600);
});
afterAll(async () => {
  await synod.single.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Gossip follows bursts, by time: how often is not a matter of the protocol. */
const withoutGossip = (counts: Counts): number => requestsIn(counts) - (counts[called("replica", "digest")] ?? 0);

async function led(namespace: string): Promise<Client> {
  const client = new Client(synod.url, namespace);
  await client.put("key-0");
  return client;
}

describe("with three acceptors and three replicas", () => {
  it("a put writes a vote at each acceptor, the key and the batch at each replica", async () => {
    const client = await led("put");
    const counts = await synod.count(async () => inTurn(10, async (at) => client.put(`key-${at}`)));
    expect(slotsIn(counts, 3)).toBe(10);
    expect(Object.fromEntries(rowsByTable(counts))).toEqual({
      "acceptor: votes insert": 30,
      "replica: kv insert": 30,
      "replica: batches insert": 30,
    });
    const told = counts[called("replica", "learn")] ?? 0;
    // To the replica, and three votes.
    expect(withoutGossip(counts) - told).toBe(40);
    // The two others are told of each, or of some together.
    expect(told).toBeGreaterThanOrEqual(2);
    expect(told).toBeLessThanOrEqual(20);
  });

  it("puts in batches of 100 write under 3.2 rows each, and make under 0.1 requests", async () => {
    const client = await led("batches");
    const counts = await synod.count(async () => inTurn(10, async () => client.batch(keysFrom(0, 100))));
    expect(rowsWrittenIn(counts)).toBe(10 * 306);
    expect(requestsIn(counts) / 1_000).toBeLessThan(0.1);
  });

  it("a linearizable read is counted by the nearest majority, other reads write nothing and ask one object", async () => {
    const client = await led("reads");
    const linearizable = await synod.count(async () => inTurn(10, async () => client.get("key-0")));
    const rows = rowsWrittenIn(linearizable);
    // Now and then all three are asked, to see who is near.
    expect([20, 21]).toContain(rows);
    expect(withoutGossip(linearizable)).toBe(rows + 10);
    const local = await synod.count(async () => inTurn(10, async () => client.get("key-0", "?consistency=local")));
    expect([rowsWrittenIn(local), requestsIn(local)]).toEqual([0, 10]);
  });

  it("nobody asks for anything: no request, no row, no alarm, no timer", async () => {
    const client = await led("idle");
    const counts = await synod.count(async () => synod.quiet());
    expect([requestsIn(counts), rowsWrittenIn(counts), rowsReadIn(counts)]).toEqual([0, 0, 0]);
    // What is neither scheduled nor asked for cannot happen, in an hour or in a year.
    expect((await synod.reading()).timers).toBe(0);
    for (const { alarmAt } of await synod.weigh(client.namespace)) expect(alarmAt).toBe(null);
  });
});
