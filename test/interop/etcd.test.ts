/**
 * The etcd door against the real etcd and one of its clients, in short. The long form: `npm run interop:etcd`. Where they
 * are not installed nothing is compared, and that is said aloud.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endLaunched } from "../processes/launched.ts";
import { etcd3gw, hasEtcd3gw } from "./etcd/clients.ts";
import { differential } from "./etcd/differential.ts";
import { knownDifferences } from "./etcd/known.ts";
import { etcdVersion, packages, startEtcd, startSynod } from "./etcd/servers.ts";
import type { Server } from "./etcd/servers.ts";

const installed = etcdVersion() !== null;
if (!installed)
  console.warn(`SKIPPED: no comparison with etcd, which is not installed: apt-get install ${packages.etcd}`);
const client = installed && hasEtcd3gw();
if (installed && !client) {
  console.warn(`SKIPPED: etcd3gw is not installed: apt-get install ${packages.etcd3gw}`);
}

describe.skipIf(!installed)("the etcd door", () => {
  let etcd: Server;
  let synod: Server;

  beforeAll(async () => {
    [etcd, synod] = await Promise.all([startEtcd(), startSynod()]);
  });

  afterAll(async () => {
    await Promise.all([etcd.stop(), synod.stop()]);
    endLaunched();
  });

  it("answers a few hundred random operations as etcd does", async () => {
    const { run } = await differential({ etcd: etcd.url, synod: synod.url }, 1, 330);
    expect(run.differences).toEqual([]);
    // Most of them did something, and some were refused.
    expect(run.errors).toBeGreaterThan(50);
    expect(run.revision).toBeGreaterThan(50);
  });

  it.skipIf(!client)("serves etcd3gw as etcd does", async () => {
    const [theirs, ours] = await Promise.all([etcd3gw(etcd.url), etcd3gw(synod.url)]);
    expect(ours).toEqual(theirs);
  });

  it("differs where the documents say so, and as they say", async () => {
    // What was never compacted is one of them, so this takes an etcd of its own.
    const fresh = await startEtcd();
    try {
      const found = await knownDifferences({ etcd: fresh.url, synod: `${synod.url}/ns/known` });
      const answered = found.map(({ side, what, answered }) => ({ side, what, answered }));
      expect(answered).toEqual(found.map(({ side, what, expected }) => ({ side, what, answered: expected })));
    } finally {
      await fresh.stop();
    }
  });
});
