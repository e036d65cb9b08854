/** Exactly once, and in the client's order, through the real objects. */
import { describe, expect, it } from "vitest";
import { logTime, requestId } from "../../src/support/brand.ts";
import type { ByteString } from "../../src/support/brand.ts";
import { utf8 } from "../../src/support/bytes.ts";
import { decodeClientReply, encodeClientRequest } from "../../src/wire/client-codec.ts";
import { visitWith } from "./visits.ts";
import { expectProblem, freshNamespace, get, jsonIn, problemIn, put, send, valueOf } from "./api.ts";

const key = (name: string) => ({ "idempotency-key": name });

describe("Idempotency-Key", () => {
  it("[X1] answers a retry with the first outcome, whatever happened since", async () => {
    const ns = freshNamespace();
    const first = await jsonIn(await put(`${ns}/kv/a`, "1", key("k")));
    await put(`${ns}/kv/a`, "2");
    const retried = await put(`${ns}/kv/a`, "1", key("k"));
    expect([retried.status, await jsonIn(retried)]).toEqual([201, first]);
    expect(await valueOf(await get(`${ns}/kv/a`))).toBe("2");
  });

  it("[X1] remembers refusals too", async () => {
    const ns = freshNamespace();
    const conditional = { ...key("k"), "if-match": "*" };
    await expectProblem(await put(`${ns}/kv/a`, "1", conditional), 412, "precondition-failed", "not-applied");
    await put(`${ns}/kv/a`, "2");
    await expectProblem(await put(`${ns}/kv/a`, "1", conditional), 412, "precondition-failed", "not-applied");
    expect(await valueOf(await get(`${ns}/kv/a`))).toBe("2");
  });

  it("[X1] is refused for anything else", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "1", key("k"));
    const others = [
      put(`${ns}/kv/a`, "2", key("k")),
      put(`${ns}/kv/b`, "1", key("k")),
      put(`${ns}/kv/a`, "1", { ...key("k"), "if-match": "*" }),
      send("DELETE", `${ns}/kv/a`, { headers: key("k") }),
    ];
    for (const response of await Promise.all(others)) {
      await expectProblem(response, 422, "idempotency-key-reused", "not-applied");
    }
    expect((await put(`${ns}/kv/%61`, "1", key("k"))).status).toBe(201);
    expect(await valueOf(await get(`${ns}/kv/a`))).toBe("1");
  });

  it("[X1] carries out one of many at once", async () => {
    const ns = freshNamespace();
    const answers = await Promise.all(
      Array.from({ length: 6 }, async () => jsonIn(await put(`${ns}/kv/a`, "x", key("same")))),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect((await get(`${ns}/kv/a`)).headers.get("synod-revision")).toBe("2");
  });

  it("[X2] does not let an attempt that was held up carry its request out again", async () => {
    const ns = freshNamespace();
    const visit = visitWith((real) => real, ns);
    const write = async (value: string, deadline: number): Promise<string> => {
      const operation = {
        type: "put",
        key: "ka" as ByteString,
        value: utf8(value),
        condition: { type: "always" },
      } as const;
      const id = requestId("random/late");
      const message = encodeClientRequest({ type: "write", id, deadline: logTime(deadline), operation });
      const decoded = decodeClientReply(await visit.transport.call("client", visit.address("weur"), message, 5_000));
      return decoded.ok && decoded.body.type === "outcome" ? decoded.body.outcome.type : "no outcome";
    };
    expect(await write("held up", Date.now() - 1)).toBe("past-deadline");
    expect((await get(`${ns}/kv/a`)).status).toBe(404);
    expect(await write("in time", Date.now() + 15_000)).toBe("put");
    expect(await valueOf(await get(`${ns}/kv/a`))).toBe("in time");
  });

  it("means nothing in another namespace", async () => {
    const [one, other] = [freshNamespace(), freshNamespace()];
    await put(`${one}/kv/a`, "1", key("k"));
    expect((await put(`${other}/kv/a`, "2", key("k"))).status).toBe(201);
  });

  it("[X1] holds for deletions", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "1");
    const remove = async () => jsonIn(await send("DELETE", `${ns}/kv/a`, { headers: key("d") }));
    const first = await remove();
    await put(`${ns}/kv/a`, "2");
    expect(await remove()).toEqual(first);
    expect(await valueOf(await get(`${ns}/kv/a`))).toBe("2");
  });
});

describe("Synod-Session", () => {
  const at = (sequence: number) => ({ "synod-session": "s", "synod-sequence": String(sequence) });

  it("[X3] carries out only the next of a session", async () => {
    const ns = freshNamespace();
    expect((await put(`${ns}/kv/a`, "1", at(1))).status).toBe(201);
    const early = await problemIn(await put(`${ns}/kv/a`, "3", at(3)));
    expect(early).toMatchObject({ code: "out-of-order", status: 409, expected: 2, outcome: "not-applied" });
    expect((await put(`${ns}/kv/a`, "2", at(2))).status).toBe(200);
    expect(await problemIn(await put(`${ns}/kv/a`, "2", at(2)))).toMatchObject({ code: "out-of-order", expected: 3 });
    expect((await send("DELETE", `${ns}/kv/a`, { headers: at(3) })).status).toBe(200);
    expect((await put(`${ns}/kv/b`, "1", { ...at(1), "synod-session": "other" })).status).toBe(201);
  });
});
