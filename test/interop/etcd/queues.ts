/** Locks and elections on both sides: taken, waited for, handed over, lost with their lease, observed. */
import { setTimeout as pause } from "node:timers/promises";
import type { Action } from "./actions.ts";
import { base64, lockNames, oneOf, valueIn } from "./choices.ts";
import { normalised, normalisedLine } from "./normalise.ts";
import { memberOf } from "./run.ts";
import type { Run } from "./run.ts";

const [first, second] = ["501", "502"];

async function withLeases(run: Run, body: () => Promise<void>): Promise<void> {
  for (const ID of [first, second]) await run.call("lease grant", "/v3/lease/grant", { ID, TTL: 5000 });
  await body();
  for (const ID of [first, second]) await run.call("lease revoke", "/v3/lease/revoke", { ID });
}

/** Long enough for a request to have taken its place; what it then waits for is sent afterwards. */
async function untilPlaces(run: Run, name: string, count: number): Promise<void> {
  const body = JSON.stringify({ key: base64(`${name}/`), range_end: base64(`${name}0`), count_only: true });
  for (const side of [run.etcd, run.synod]) {
    for (let attempt = 0; attempt < 200; attempt += 1) {
      const answer = await side.post("/v3/kv/range", body);
      if (Number(memberOf(answer.body, "count")) === count) break;
      await pause(10);
    }
  }
}

/** Sends to both what they will answer only later. */
function waiting(run: Run, kind: string, path: string, message: object): () => Promise<void> {
  const body = JSON.stringify(message);
  const [etcd, synod] = [run.etcd.post(path, body), run.synod.post(path, body)];
  return async () => {
    const [left, right] = [normalised(await etcd, run.etcd), normalised(await synod, run.synod)];
    run.compare(kind, `${path} ${body}`, left, right);
  };
}

export const locks: Action = async (run) => {
  const name = oneOf(run.random, lockNames);
  await withLeases(run, async () => {
    const mine = { name: base64(name), lease: first };
    await run.call("lock", "/v3/lock/lock", mine);
    await run.call("lock", "/v3/lock/lock", mine);
    const answered = waiting(run, "lock", "/v3/lock/lock", { name: base64(name), lease: second });
    await untilPlaces(run, name, 2);
    const key = `${name}/${BigInt(first ?? 0).toString(16)}`;
    await (oneOf(run.random, [true, false])
      ? run.call("unlock", "/v3/lock/unlock", { key: base64(key) })
      : run.call("lease revoke", "/v3/lease/revoke", { ID: first }));
    await answered();
    await run.call("unlock", "/v3/lock/unlock", { key: base64(`${name}/${BigInt(second ?? 0).toString(16)}`) });
    await run.call("unlock", "/v3/lock/unlock", { key: base64(key) });
  });
};

export const elections: Action = async (run) => {
  const name = oneOf(run.random, lockNames);
  await withLeases(run, async () => {
    await run.call("leader", "/v3/election/leader", { name: base64(name) });
    const value = valueIn(run.random);
    const won = await run.call("campaign", "/v3/election/campaign", { name: base64(name), lease: first, value });
    const leader = memberOf(won.body, "leader") as object;
    await run.call("campaign", "/v3/election/campaign", {
      name: base64(name),
      lease: first,
      value: valueIn(run.random),
    });
    await run.call("proclaim", "/v3/election/proclaim", { leader, value: valueIn(run.random) });
    await run.call("proclaim", "/v3/election/proclaim", { leader: { ...leader, rev: "1" }, value });
    await run.call("leader", "/v3/election/leader", { name: base64(name) });
    const observed = observing(run, name);
    await observed.started;
    const answered = waiting(run, "campaign", "/v3/election/campaign", { name: base64(name), lease: second, value });
    await untilPlaces(run, name, 2);
    await run.call("proclaim", "/v3/election/proclaim", { leader, value: base64("again") });
    await run.call("resign", "/v3/election/resign", { leader });
    await answered();
    await observed.until(3);
    await run.call("resign", "/v3/election/resign", { leader });
    await run.call("proclaim", "/v3/election/proclaim", { leader, value });
  });
};

function observing(run: Run, name: string) {
  const sent = JSON.stringify({ name: base64(name) });
  const streams = [run.etcd.stream("/v3/election/observe", sent), run.synod.stream("/v3/election/observe", sent)];
  // Revisions in headers say how far each side was when it told, not what it told.
  const told = (at: 0 | 1): unknown => {
    const side = at === 0 ? run.etcd : run.synod;
    return streams[at]?.lines.map((line) => memberOf(memberOf(normalisedLine(line, side), "result"), "kv"));
  };
  return {
    started: Promise.all(streams.map(async (stream) => stream.until((lines) => lines.length > 0))),
    async until(count: number): Promise<void> {
      await Promise.all(streams.map(async (stream) => stream.until((lines) => lines.length >= count)));
      run.compare("observe", `/v3/election/observe ${sent}`, told(0), told(1));
      for (const stream of streams) stream.close();
    },
  };
}
