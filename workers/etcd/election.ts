/** The service `Election`: the first place of a queue leads; its value is what the leader proclaims. */
import { leaseId } from "../../src/support/brand.ts";
import { base64Of } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import { userKey } from "../../src/store/key-space.ts";
import { header, keyValue, message } from "./answers.ts";
import type { Call } from "./calls.ts";
import { firstPlace, ifStill, queueOf, sessionLease, takePlace, waitForTurn, withoutCode } from "./concurrency.ts";
import type { Place } from "./concurrency.ts";
import { EtcdError, failing } from "./errors.ts";
import type { Message } from "./message.ts";

const missingLeader = () => new EtcdError(2, '"leader" field must be provided');
const noLeader = () => new EtcdError(2, "election: no leader");
const notLeader = () => new EtcdError(2, "election: not leader");

/** Waits, holding the request, until it is elected. */
export async function campaign(call: Call, from: Message): Promise<object> {
  const [name, lease, value] = [from.bytes("name"), from.int64("lease"), from.bytes("value")];
  return stand(call, name, lease, value).catch(withoutCode);
}

async function stand(call: Call, name: Uint8Array, asked: bigint, value: Uint8Array): Promise<object> {
  const { visit } = call;
  const queue = queueOf(name);
  const lease = await sessionLease(call, asked);
  const place = await takePlace(call, queue, lease, value);
  if (place.found !== null && base64Of(place.found.value) !== base64Of(value)) await say(call, place, value);
  const [first] = (await firstPlace(visit, queue)).result.entries;
  if (first?.createRevision !== place.created) await waitForTurn(call, queue, place);
  const leader = message({
    name: base64Of(name),
    key: base64Of(place.key),
    rev: String(place.created),
    lease: String(lease),
  });
  return { header: header(visit, place.region, place.revision), leader };
}

async function say(
  call: Call,
  { stored, created, lease }: Pick<Place, "stored" | "created" | "lease">,
  value: Uint8Array,
) {
  const tie = leaseId(String(lease));
  const said = await ifStill(call, stored, created, { type: "put", key: stored, value, lease: tie, previous: false });
  if (!said.held) throw notLeader();
  return said;
}

/** What a campaign answered. */
function leaderIn(from: Message) {
  const leader = from.message("leader");
  if (leader === null) return null;
  leader.bytes("name");
  return { key: leader.bytes("key"), created: leader.count("rev"), lease: leader.int64("lease") };
}

export async function proclaim(call: Call, from: Message): Promise<object> {
  const [leader, value] = [leaderIn(from), from.bytes("value")];
  if (leader === null) throw missingLeader();
  if (leader.key.length === 0) throw new EtcdError(2, failing.emptyKey().message);
  if (value.length > limits.valueBytes) throw new EtcdError(2, failing.requestTooLarge().message);
  if (leader.key.length > limits.keyBytes || leader.created < 0) throw notLeader();
  const lease = await sessionLease(call, leader.lease);
  const place = { stored: userKey(leader.key), created: leader.created as Place["created"], lease };
  const { revision: at, region } = await say(call, place, value).catch(withoutCode);
  return { header: header(call.visit, region, at) };
}

export async function resign(call: Call, from: Message): Promise<object> {
  const leader = leaderIn(from);
  if (leader === null) throw missingLeader();
  if (leader.key.length === 0) throw new EtcdError(2, failing.emptyKey().message);
  const stored = userKey(leader.key.subarray(0, limits.keyBytes + 1));
  const remove = { type: "delete", range: { key: stored, end: null }, previous: false } as const;
  const { revision: at, region } = await ifStill(call, stored, leader.created, remove);
  return { header: header(call.visit, region, at) };
}

export async function leader({ visit }: Call, from: Message): Promise<object> {
  const { result, revision: at, region } = await firstPlace(visit, queueOf(from.bytes("name")));
  const [first] = result.entries;
  if (first === undefined) throw noLeader();
  return { header: header(visit, region, at), kv: keyValue(first) };
}
