/**
 * DNS as JSON, as Google's and Cloudflare's resolvers speak it: no standard, but what browsers and scripts can read. Pure.
 */
import { bytesOf } from "../../src/support/bytes.ts";
import { dnsTypes } from "../../src/wire/dns-message.ts";
import type { DnsData, DnsQuestion, DnsRecord, DnsReply } from "../../src/wire/dns-message.ts";
import { nameOf, nameText } from "../../src/wire/dns-labels.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import { addressText } from "./addresses.ts";

export const jsonType = "application/dns-json";

/** The last two are hints that change nothing here: what is near is told by where a request comes from. */
const parameters = ["name", "type", "do", "cd", "ct", "edns_client_subnet", "random_padding"];
const types: readonly string[] = [jsonType, "application/json"];
const nameCharacters = 255;
const wordCharacters = 64;

const invalid = (detail: string): Problem => new Problem("invalid-query", detail);

export interface JsonQuestion {
  readonly question: DnsQuestion;
  readonly checkingDisabled: boolean;
}

/** @throws {Problem} when it is no question. */
export function questionInQuery(url: string): JsonQuestion {
  const query = new Query(url, parameters);
  const text = query.text("name", nameCharacters);
  const name = text === null || text === "" ? null : nameOf(text);
  if (name === null) throw invalid("name must be a domain name: labels of 1 to 63 printable characters, 253 in all");
  const type = query.text("ct", wordCharacters);
  if (type !== null && !types.includes(type))
    throw invalid(`ct must be ${types.join(" or ")}: with dns= there is the other form`);
  flagIn(query, "do");
  return { question: { name, type: typeIn(query), class: 1 }, checkingDisabled: flagIn(query, "cd") };
}

function typeIn(query: Query): number {
  const text = query.text("type", wordCharacters) ?? "A";
  const known = Object.entries(dnsTypes).find(([name]) => name === text.toUpperCase());
  const number = /^(0|[1-9][0-9]{0,4})$/.test(text) ? Number(text) : known?.[1];
  // OPT is no type that anything could be of.
  if (number !== undefined && number > 0 && number <= 65_535 && number !== dnsTypes.OPT) return number;
  throw invalid(`type must be a number from 1 to 65535, or a name as A, AAAA, SRV, TXT or ANY`);
}

function flagIn(query: Query, name: string): boolean {
  const text = query.text(name, wordCharacters) ?? "false";
  if (["0", "false"].includes(text)) return false;
  if (["", "1", "true"].includes(text)) return true;
  throw invalid(`${name} must be 0, 1, false or true`);
}

export function jsonReply({ question, checkingDisabled }: JsonQuestion, reply: DnsReply, comment: string | null) {
  const sections = { Answer: reply.answers, Authority: reply.authorities, Additional: reply.additionals };
  return {
    Status: reply.code,
    TC: false,
    RD: true,
    // Nothing is looked up elsewhere.
    RA: false,
    AD: false,
    CD: checkingDisabled,
    Question: [{ name: nameText(question.name), type: question.type }],
    ...Object.fromEntries(
      Object.entries(sections).flatMap(([name, records]) => (records.length === 0 ? [] : [[name, records.map(shown)]])),
    ),
    ...(reply.remark === "stale" ? { Comment: "stale: no majority was heard of lately" } : {}),
    ...(comment === null ? {} : { Comment: comment }),
  };
}

const shown = ({ name, ttl, data }: DnsRecord) => ({
  name: nameText(name),
  type: dnsTypes[data.type],
  TTL: ttl,
  data: dataText(data),
});

/** As zone files write it. */
function dataText(data: DnsData): string {
  switch (data.type) {
    case "A":
    case "AAAA":
      return addressText(data.address);
    case "CNAME":
    case "NS":
      return nameText(data.name);
    case "SRV":
      return `${data.priority} ${data.weight} ${data.port} ${nameText(data.target)}`;
    case "TXT":
      return data.strings.map(quoted).join(" ");
    case "SOA": {
      const { primary, mailbox, serial, refresh, retry, expire, minimum } = data;
      return [nameText(primary), nameText(mailbox), serial, refresh, retry, expire, minimum].join(" ");
    }
  }
}

const decoder = new TextDecoder();

const quoted = (bytes: string): string => `"${decoder.decode(bytesOf(bytes)).replace(/["\\]/g, (one) => `\\${one}`)}"`;
