/** More keys and bytes than one page of Synod's holds: that an answer is put together from several must not show. */
import type { Action } from "./actions.ts";
import { base64 } from "./choices.ts";

const [perTransaction, transactions] = [100, 13];
const all = { key: base64("~bulk/"), range_end: base64("~bulk0") };

export const manyKeys: Action = async (run) => {
  for (let batch = 0; batch < transactions; batch += 1) {
    const success = Array.from({ length: perTransaction }, (_, at) => ({
      request_put: { key: base64(`~bulk/${batch}/${at}`), value: base64(`${at}`) },
    }));
    await run.call("txn", "/v3/kv/txn", { success });
  }
  const ranges = [
    {},
    { limit: 1200 },
    { limit: 1000 },
    { limit: 1001 },
    { limit: 1300 },
    { keys_only: true },
    { count_only: true },
    { sort_order: "DESCEND" },
    { sort_order: "DESCEND", limit: 1100 },
    { revision: run.revision - 3 },
    { min_create_revision: run.revision - 5, limit: 200 },
  ];
  for (const range of ranges) await run.call("range", "/v3/kv/range", { ...all, ...range });
  await run.call("deleterange", "/v3/kv/deleterange", { ...all, prev_kv: true });
};

export const largeValues: Action = async (run) => {
  const value = Buffer.alloc(400 * 1024, 7).toString("base64");
  for (let at = 0; at < 6; at += 1) await run.call("put", "/v3/kv/put", { key: base64(`~bulk/${at}`), value });
  await run.call("range", "/v3/kv/range", all);
  await run.call("range", "/v3/kv/range", { ...all, limit: 4, sort_order: "DESCEND" });
  await run.call("put", "/v3/kv/put", { key: base64("~bulk/1"), value: "", prev_kv: true });
  await run.call("deleterange", "/v3/kv/deleterange", all);
};
