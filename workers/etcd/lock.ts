/** The service `Lock`: a lock is held by the first place of its queue. */
import { base64Of } from "../../src/support/bytes.ts";
import { header, message } from "./answers.ts";
import type { Call } from "./calls.ts";
import { firstPlace, queueOf, sessionLease, takePlace, waitForTurn, withoutCode } from "./concurrency.ts";
import { deleteRange } from "./kv.ts";
import { Message } from "./message.ts";

const noBytes = new Uint8Array(0);

/** Waits, holding the request, until the lock is held. */
export async function lock(call: Call, from: Message): Promise<object> {
  const [name, asked] = [from.bytes("name"), from.int64("lease")];
  return hold(call, name, asked).catch(withoutCode);
}

async function hold(call: Call, name: Uint8Array, asked: bigint): Promise<object> {
  const { visit } = call;
  const queue = queueOf(name);
  const place = await takePlace(call, queue, await sessionLease(call, asked), noBytes);
  const [holder] = (await firstPlace(visit, queue)).result.entries;
  if (holder === undefined || holder.createRevision === place.created) {
    return message({ header: header(visit, place.region, place.revision), key: base64Of(place.key) });
  }
  const { revision: at, region } = await waitForTurn(call, queue, place);
  return message({ header: header(visit, region, at), key: base64Of(place.key) });
}

export async function unlock(call: Call, from: Message): Promise<object> {
  const key = from.bytes("key");
  const removed = await deleteRange(call, new Message({ key: base64Of(key) })).catch(withoutCode);
  return { header: "header" in removed ? removed.header : {} };
}
