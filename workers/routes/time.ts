/**
 * The door to time: exchanges in the manner of NTP with this gateway or with a region's clock, as JSON, as NTP's own packet
 * or on a WebSocket; the regions' clocks side by side; the keys of signed receipts. Never a write, never a timer.
 */
import type { Context } from "hono";
import { limits } from "../../src/support/limits.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import { bodyOf, jsonBodyOf } from "../gateway/bodies.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { problemOf } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import { wantsSocket } from "../gateway/sockets.ts";
import { answer, reading } from "../time/answer.ts";
import { addressOf, spend } from "../time/budget.ts";
import { keySetOf, timeKeyOf } from "../time/keys.ts";
import { packetAnswer, packetRefusal, packetType, questionIn } from "../time/packet.ts";
import { questionInQuery, questionMembers, questionOf, questionSchema } from "../time/question.ts";
import { measureRegions } from "../time/regions.ts";
import { openTimeSocket } from "../time/socket.ts";

type Door = Context<GatewayEnv>;

export function addTimeRoutes(app: App): void {
  resource(app, "/time", { GET: ask, POST: post });
  resource(app, "/time/regions", { GET: regions });
  resource(app, "/time/keys", { GET: keys });
}

const uncached = { "cache-control": "no-store" };

/** @throws {Problem} when whoever asks has asked too often. */
async function spendOne({ req, env, var: { visit, arrived } }: Door): Promise<void> {
  await spend(addressOf(req.raw.headers), env.TIME_RATE, visit.memory.timeBudgets, arrived);
}

async function ask(context: Door): Promise<Response> {
  const { req, env, var: doors } = context;
  const { visit, arrived } = doors;
  if (wantsSocket(req.raw.headers)) {
    new Query(req.url, []);
    await spendOne(context);
    return openTimeSocket(visit, env, req.raw.headers);
  }
  const question = questionInQuery(req.url, questionMembers, visit.config);
  await spendOne(context);
  return context.json(await answer(visit, env, question, arrived), 200, uncached);
}

async function post(context: Door): Promise<Response> {
  const { req, env, var: doors } = context;
  const { visit, arrived } = doors;
  const type = req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type === packetType) return packet(context);
  new Query(req.url, []);
  const { value } = await jsonBodyOf(req.raw, questionSchema, limits.timeQuestionBytes);
  const question = questionOf(value, visit.config);
  await spendOne(context);
  return context.json(await answer(visit, env, question, arrived), 200, uncached);
}

/** In NTP's own form problems have NTP's own names too, as far as it has any. */
async function packet(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const { visit, arrived } = doors;
  const asked = questionInQuery(req.url, ["region"], visit.config);
  const question = questionIn(await bodyOf(req.raw, limits.timeQuestionBytes));
  const headers = { ...uncached, "content-type": packetType };
  try {
    await spendOne(context);
    return new Response(packetAnswer(question, await reading(visit, asked, arrived)), { headers });
  } catch (error) {
    const problem = problemOf(error);
    const kiss = packetRefusal(question, problem);
    if (kiss === null) throw problem;
    const retry = { "retry-after": problem.particulars.headers?.["retry-after"] ?? "1" };
    return new Response(kiss, {
      status: problem.code === "rate-limited" ? 429 : 503,
      headers: { ...headers, ...retry },
    });
  }
}

async function regions(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  new Query(req.url, []);
  await spendOne(context);
  return context.json(await measureRegions(doors.visit), 200, uncached);
}

async function keys(context: Door): Promise<Response> {
  const { req, env } = context;
  new Query(req.url, []);
  return context.json(keySetOf(await timeKeyOf(env), env), 200, uncached);
}
