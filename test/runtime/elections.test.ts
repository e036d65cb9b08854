/** Elections through the real objects: one leader at a time, what it proclaims, and who is told. */
import { describe, expect, it } from "vitest";
import { expectProblem, freshNamespace, get, jsonIn, postJson, problemIn, putJson, send, until } from "./api.ts";

const election = (ns: string): string => `${ns}/elections/leader`;
const campaign = async (ns: string, value: string, more: object = {}) =>
  postJson(election(ns), { value, ttl: 60, ...more });

async function elected(response: Response): Promise<number> {
  expect(response.status).toBe(201);
  return Number((await jsonIn(response))["token"]);
}

describe("an election", () => {
  it("has one leader, and says who and what it proclaims", async () => {
    const ns = freshNamespace();
    await expectProblem(await get(election(ns)), 404, "no-leader");
    const won = await campaign(ns, "one");
    expect([won.status, await jsonIn(won)]).toEqual([201, { name: "leader", token: 2, ttl: 60, value: "one" }]);
    expect(await jsonIn(await get(election(ns)))).toEqual({
      name: "leader",
      token: 2,
      ttl: 60,
      value: "one",
      modRevision: 2,
      revision: 2,
    });
    const other = await problemIn(await campaign(ns, "two"));
    expect(other).toMatchObject({ status: 409, code: "not-elected", outcome: "not-applied", token: 2, value: "one" });
    const bytes = { value: "/w==", encoding: "base64" };
    expect(await jsonIn(await putJson(`${election(ns)}/2`, bytes))).toMatchObject({ ...bytes, token: 2, ttl: 60 });
    expect(await jsonIn(await get(election(ns)))).toMatchObject({ ...bytes, token: 2 });
  });

  it("passes to the next in order when a leader resigns, who then cannot proclaim any more", async () => {
    const ns = freshNamespace();
    const first = await elected(await campaign(ns, "one"));
    const waiting = campaign(ns, "two", { wait: 30 });
    const resigned = await send("DELETE", `${election(ns)}/${first}`);
    expect([resigned.status, await jsonIn(resigned)]).toEqual([200, { name: "leader", token: first, resigned: true }]);
    const second = await elected(await waiting);
    expect(second).toBeGreaterThan(first);
    await expectProblem(
      await putJson(`${election(ns)}/${first}`, { value: "still me" }),
      404,
      "lock-not-found",
      "not-applied",
    );
    expect(await jsonIn(await get(election(ns)))).toMatchObject({ value: "two", token: second });
    expect(await jsonIn(await send("DELETE", `${election(ns)}/${first}`))).toMatchObject({ resigned: false });
  });

  it("lets nobody proclaim who only waits", async () => {
    const ns = freshNamespace();
    const first = await elected(await campaign(ns, "one"));
    const waiting = campaign(ns, "two", { wait: 30 });
    const place = async (token: number) => putJson(`${election(ns)}/${token}`, { value: "me" });
    const refused = await until("the place is taken", async () => {
      const answer = await place(first + 1);
      return answer.status === 404 ? null : answer;
    });
    await expectProblem(refused, 412, "lock-lost", "not-applied");
    await send("DELETE", `${election(ns)}/${first}`);
    await elected(await waiting);
  });

  it.each([
    ["no value", { ttl: 60 }],
    ["no ttl", { value: "v" }],
    ["a ttl of zero", { value: "v", ttl: 0 }],
    ["a wait too long", { value: "v", ttl: 1, wait: 61 }],
    ["a negative wait", { value: "v", ttl: 1, wait: -1 }],
    ["a fraction of a second", { value: "v", ttl: 1, wait: 0.5 }],
    ["malformed base64", { value: "?", encoding: "base64", ttl: 1 }],
    ["an owner", { value: "v", ttl: 1, owner: "me" }],
    ["a list", []],
  ])("refuses %s", async (_, body) => {
    const ns = freshNamespace();
    await expectProblem(await postJson(election(ns), body), 400, "invalid-body", "not-applied");
    await expectProblem(await get(election(ns)), 404, "no-leader");
  });

  it("refuses a name or a token that is none, and other methods", async () => {
    const ns = freshNamespace();
    await expectProblem(await get(`${ns}/elections/${"n".repeat(513)}`), 400, "invalid-name");
    await expectProblem(await get(`${ns}/elections/%00`), 400, "invalid-name");
    await expectProblem(await putJson(`${election(ns)}/x`, { value: "v" }), 400, "invalid-name", "not-applied");
    await expectProblem(await send("PUT", election(ns)), 405, "method-not-allowed", "not-applied");
    await expectProblem(await send("POST", `${election(ns)}/observe`), 405, "method-not-allowed", "not-applied");
  });
});

describe("GET /elections/{name}/observe", () => {
  it("tells who leads now, and whenever that changes", async () => {
    const ns = freshNamespace();
    const response = await get(`${election(ns)}/observe`);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const events = eventsOf(response);
    expect(await events.next()).toMatchObject({ value: ["no-leader", {}] });
    const first = await elected(await campaign(ns, "one"));
    expect(await events.next()).toMatchObject({ value: ["leader", { token: first, value: "one" }] });
    await putJson(`${election(ns)}/${first}`, { value: "news" });
    expect(await events.next()).toMatchObject({ value: ["leader", { token: first, value: "news" }] });
    await send("DELETE", `${election(ns)}/${first}`);
    expect(await events.next()).toMatchObject({ value: ["no-leader", {}] });
    const second = await elected(await campaign(ns, "two"));
    expect(await events.next()).toMatchObject({ value: ["leader", { token: second, value: "two" }] });
    await events.return(undefined);
  });
});

/** Server-Sent Events as pairs of their names and data. */
async function* eventsOf(response: Response): AsyncGenerator<readonly [string, unknown], void> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const [, event, data] = /event: (.*)\ndata: (.*)$/m.exec(text.slice(0, end)) ?? [];
      text = text.slice(end + 2);
      if (event !== undefined && data !== undefined) yield [event, JSON.parse(data)];
    }
  }
}
