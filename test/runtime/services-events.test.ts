/** Being told of services, as Server-Sent Events, through the real objects. */
import { describe, expect, it } from "vitest";
import { expectProblem, freshNamespace, get, putJson, send } from "./api.ts";
import { Stream } from "./watching.ts";
import type { Told } from "./watching.ts";

const instance = { address: "10.0.0.1", port: 8080, ttl: 600 };

async function open(path: string, lastId: string | null = null): Promise<Stream> {
  const response = await get(path, lastId === null ? {} : { "last-event-id": lastId });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  return new Stream(response);
}

/** The next event that tells something. */
async function next(stream: Stream): Promise<Told> {
  for (;;) {
    const told = await stream.next();
    if (told === null) throw new Error("the stream has ended");
    if (told.event !== "progress") return told;
  }
}

describe("GET /services/{service}/events", () => {
  it("tells how it is, then what becomes of it, and nothing of others", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/w1`, instance);
    const stream = await open(`${ns}/services/web/events`);
    expect(await next(stream)).toMatchObject({
      event: "state",
      data: { service: "web", instances: [{ instance: "w1", status: "passing" }], index: 2, revision: 2 },
    });
    expect(await next(stream)).toMatchObject({ event: "ready", id: "2", data: { services: 1, revision: 2 } });
    await putJson(`${ns}/services/web-2/x`, instance);
    await putJson(`${ns}/services/web/w1`, instance);
    await putJson(`${ns}/services/web/w2`, { ...instance, checks: [{ kind: "plain", id: "c", status: "passing" }] });
    expect(await next(stream)).toMatchObject({ event: "registered", data: { service: "web", instance: "w2" } });
    await putJson(`${ns}/services/web/w1`, { ...instance, port: 81 });
    expect(await next(stream)).toMatchObject({ event: "changed", data: { instance: "w1", port: 81 } });
    await putJson(`${ns}/services/web/w2/checks/c`, { status: "critical", output: "down" });
    expect(await next(stream)).toMatchObject({
      event: "health",
      data: { instance: "w2", status: "critical", checks: [{ id: "c", output: "down" }] },
    });
    await send("DELETE", `${ns}/services/web/w2`);
    expect(await next(stream)).toMatchObject({ event: "deregistered", data: { service: "web", instance: "w2" } });
    await stream.close();
  }, 30_000);

  it("goes on for who comes back: with nothing, or with all that is when something was missed", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/w1`, instance);
    const first = await open(`${ns}/services/web/events`);
    expect([(await next(first)).event, (await next(first)).event]).toEqual(["state", "ready"]);
    const seen = first.lastId;
    await first.close();
    await putJson(`${ns}/services/other/o1`, instance);
    const second = await open(`${ns}/services/web/events`, seen);
    expect((await next(second)).event).toBe("ready");
    const later = second.lastId;
    await second.close();
    await putJson(`${ns}/services/web/w2`, instance);
    const third = await open(`${ns}/services/web/events`, later);
    expect(await next(third)).toMatchObject({
      event: "state",
      data: { instances: [{ instance: "w1" }, { instance: "w2" }] },
    });
    await third.close();
    const { headers } = { headers: { "last-event-id": "x" } };
    await expectProblem(await get(`${ns}/services/web/events`, headers), 400, "invalid-header");
  }, 30_000);
});

describe("GET /services/events?prefix=", () => {
  it("tells of all services whose names begin so", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/w1`, instance);
    await putJson(`${ns}/services/web-2/x1`, instance);
    await putJson(`${ns}/services/api/a1`, instance);
    const stream = await open(`${ns}/services/events?prefix=web`);
    const states = [await next(stream), await next(stream), await next(stream)];
    expect(states).toMatchObject([
      { event: "state", data: { service: "web" } },
      { event: "state", data: { service: "web-2" } },
      { event: "ready", data: { services: 2 } },
    ]);
    await putJson(`${ns}/services/api/a2`, instance);
    await putJson(`${ns}/services/webber/y1`, instance);
    expect(await next(stream)).toMatchObject({ event: "registered", data: { service: "webber", instance: "y1" } });
    await send("DELETE", `${ns}/services/web/w1`);
    expect(await next(stream)).toMatchObject({ event: "deregistered", data: { service: "web", instance: "w1" } });
    await stream.close();
  }, 30_000);

  it("tells who comes back that a whole service went", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/w1`, instance);
    await putJson(`${ns}/services/api/a1`, instance);
    const first = await open(`${ns}/services/events`);
    const seen = [await next(first), await next(first), await next(first)].at(-1)?.id ?? null;
    await first.close();
    await send("DELETE", `${ns}/services/web/w1`);
    const second = await open(`${ns}/services/events`, seen);
    expect(await next(second)).toMatchObject({ event: "state", data: { service: "api" } });
    expect(await next(second)).toMatchObject({ event: "ready", data: { services: 1 } });
    await second.close();
  }, 30_000);
});
