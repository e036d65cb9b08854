/**
 * The DNS door, `/dns-query`: questions over HTTPS (RFC 8484) by GET and POST, and as JSON. What DNS has a code for is
 * answered with that code, and 200; what is wrong with the request itself, by HTTP.
 */
import type { Context } from "hono";
import { limits } from "../../src/support/limits.ts";
import { dnsCodes, emptyReply, judgeQuery } from "../../src/wire/dns-message.ts";
import type { DnsReply } from "../../src/wire/dns-message.ts";
import { encodeReply } from "../../src/wire/dns-writer.ts";
import { answerDns } from "../dns/answer.ts";
import { jsonReply, jsonType, questionInQuery } from "../dns/json.ts";
import { bodyOf } from "../gateway/bodies.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { partsOf } from "../gateway/paths.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import type { Visit } from "../gateway/visit.ts";

type Door = Context<GatewayEnv>;

const messageType = "application/dns-message";

export function addDnsRoutes(app: App): void {
  resource(app, "/dns-query", { GET: ask, POST: post });
}

async function ask(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  if (/(^|&)dns=/.test(partsOf(req.url).query)) return message(doors.visit, messageIn(req.url));
  const asked = questionInQuery(req.url);
  const { reply, headers, comment } = await answerDns(doors.visit, asked.question);
  const all = { ...headers, ...keeping(reply), "content-type": jsonType };
  return context.body(`${JSON.stringify(jsonReply(asked, reply, comment))}\n`, 200, all);
}

async function post(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  new Query(req.url, []);
  const type = req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== messageType) throw new Problem("unsupported-media-type", `send a DNS message as ${messageType}`);
  return message(doors.visit, await bodyOf(req.raw, limits.dnsQuestionBytes));
}

/** @throws {Problem} when it is not base64url without padding, or too long. */
function messageIn(url: string): Uint8Array {
  const text = new Query(url, ["dns", "ct"]).text("dns", limits.queryCharacters) ?? "";
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) {
    throw new Problem("invalid-query", "dns must be a DNS message in base64url without padding");
  }
  if (text.length > Math.ceil((limits.dnsQuestionBytes * 4) / 3)) {
    throw new Problem("too-large", `a question has at most ${limits.dnsQuestionBytes} bytes`);
  }
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

async function message(visit: Visit, bytes: Uint8Array): Promise<Response> {
  const judged = judgeQuery(bytes);
  if (judged.type === "none")
    throw new Problem("invalid-body", "that is no DNS question: it has no header, or is an answer");
  const asked = judged.type === "query" ? judged.query : judged.refusal;
  const { reply, headers } =
    judged.type === "query"
      ? await answerDns(visit, judged.query.question)
      : { reply: emptyReply(judged.refusal.code), headers: {} };
  const all = { ...headers, ...keeping(reply), "content-type": messageType };
  return new Response(encodeReply(asked, reply), { headers: all });
}

/** No longer than the records live; and only by who asked, for what is near is near to them. */
function keeping({ code }: DnsReply): Readonly<Record<string, string>> {
  const known = code === dnsCodes.NOERROR || code === dnsCodes.NXDOMAIN;
  return { "cache-control": known ? `private, max-age=${limits.lookupMaxAgeSeconds}` : "no-store" };
}
