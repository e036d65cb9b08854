/** `npm run interop:etcd`: the long form of the comparison with etcd, and etcd's clients against Synod. */
import { isDeepStrictEqual, parseArgs } from "node:util";
import { endLaunched } from "../../processes/launched.ts";
import { etcd3gw, hasEtcd3gw } from "./clients.ts";
import { differential } from "./differential.ts";
import { knownDifferences } from "./known.ts";
import { etcdVersion, packages, startEtcd, startSynod } from "./servers.ts";

const { values } = parseArgs({
  options: { operations: { type: "string", default: "20000" }, seed: { type: "string", default: "1" } },
});
const [operations, seed] = [Number(values.operations), Number(values.seed)];

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function withBoth(
  compare: (urls: { readonly etcd: string; readonly synod: string }) => Promise<void>,
): Promise<void> {
  const [etcd, synod] = await Promise.all([startEtcd(), startSynod()]);
  try {
    await compare({ etcd: etcd.url, synod: synod.url });
  } finally {
    await Promise.all([etcd.stop(), synod.stop()]);
  }
}

async function random(urls: { readonly etcd: string; readonly synod: string }): Promise<void> {
  const { run, ms } = await differential(urls, seed, operations, say);
  for (const [kind, count] of [...run.counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    say(`  ${kind.padEnd(16)} ${count}`);
  say(`${run.operations} operations in ${Math.round(ms / 1000)} s, ${run.errors} answered by an error`);
  say(`${run.differences.length} differences`);
  for (const difference of run.differences) say(JSON.stringify(difference, null, 1));
  if (run.failed) process.exitCode = 1;
}

async function others(urls: { readonly etcd: string; readonly synod: string }): Promise<void> {
  const found = await knownDifferences(urls);
  const wrong = found.filter(({ expected, answered }) => !isDeepStrictEqual(expected, answered));
  say(`${found.length / 2} known differences, ${wrong.length} answers other than documented`);
  for (const one of wrong) say(JSON.stringify(one));
  if (wrong.length > 0) process.exitCode = 1;
}

async function clients(urls: { readonly etcd: string; readonly synod: string }): Promise<void> {
  const [theirs, ours] = [await etcd3gw(urls.etcd), await etcd3gw(urls.synod)];
  const differing = theirs.filter((line, at) => line !== ours[at]);
  say(`etcd3gw: ${theirs.length} steps, ${differing.length} differ`);
  for (const line of differing) say(`  etcd  ${line}\n  synod ${ours[theirs.indexOf(line)] ?? "nothing"}`);
  if (differing.length > 0 || theirs.length !== ours.length) process.exitCode = 1;
}

async function main(): Promise<void> {
  const version = etcdVersion();
  if (version === null) throw new Error(`etcd is not installed: apt-get install ${packages.etcd}`);
  say(`etcd ${version}; seed ${seed}, ${operations} operations`);
  await withBoth(random);
  await withBoth(others);
  if (hasEtcd3gw()) await withBoth(clients);
  else say(`etcd3gw is not installed, so it was not tried: apt-get install ${packages.etcd3gw}`);
  endLaunched();
}

await main();
