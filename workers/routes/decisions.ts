/** The door to decisions: `/decisions/{id}`. One value for ever, agreed on by single-decree Paxos without a leader. */
import type { Context } from "hono";
import { limits } from "../../src/support/limits.ts";
import { randomIdentity } from "../../src/support/random.ts";
import { knownSet } from "../gateway/acceptors.ts";
import { bodyOf } from "../gateway/bodies.ts";
import { bytesMember } from "../gateway/bytes-member.ts";
import { isKnown, knownTags, refuseConditions } from "../gateway/conditions.ts";
import { cachedDecision, decisionCacheControl, keepDecision } from "../gateway/decision-cache.ts";
import { encodeProposal } from "../gateway/decision-value.ts";
import type { Decided } from "../gateway/decision-value.ts";
import { decisionDeadline, inquire, propose } from "../gateway/decide.ts";
import { hexDigest, idempotencyKey, refuseOrder } from "../gateway/identity.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { decisionIdIn } from "../gateway/names.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import { utf8 } from "../../src/support/bytes.ts";

type Door = Context<GatewayEnv>;

export function addDecisionRoutes(app: App): void {
  resource(app, "/decisions/:id{.*}", { GET: get, PUT: put });
}

const idOf = ({ req }: Door): string => decisionIdIn(req.path.slice("/decisions/".length));

const shown = (id: string, { proposal, ballot, acceptors }: Decided) => ({
  id,
  ...bytesMember("value", "encoding", proposal.value),
  ballot,
  acceptors,
});

async function put(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const { visit } = doors;
  const id = idOf(context);
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  refuseOrder(req.raw.headers);
  const key = idempotencyKey(req.raw.headers);
  const value = await bodyOf(req.raw, limits.decisionValueBytes);
  const proposal = { id: key === null ? `random/${randomIdentity(visit.random)}` : `key/${key}`, value };
  const decided = await decide(context, id, proposal);
  const yours = decided.proposal.id === proposal.id;
  // Only a key of the client's own can meet another value: random ids are never used twice.
  if (yours && encodeProposal(decided.proposal) !== encodeProposal(proposal)) {
    throw new Problem("idempotency-key-reused", "the proposal under this key that was chosen has another value");
  }
  return context.json({ ...shown(id, decided), yours }, yours ? 201 : 200, { "cache-control": "no-store" });
}

async function decide({ var: { visit } }: Door, id: string, proposal: Decided["proposal"]): Promise<Decided> {
  const until = decisionDeadline(visit);
  const set = await knownSet(visit, "found", until);
  const kept = set === null ? null : await cachedDecision(visit, set, id);
  if (kept !== null) return kept;
  const decided = await propose(visit, id, proposal, until);
  await keep(visit, id, decided, until);
  return decided;
}

/** Under the set that decided: it may have been looked up anew on the way. */
async function keep(visit: Door["var"]["visit"], id: string, decided: Decided, until: number): Promise<void> {
  const set = await knownSet(visit, "look", until);
  if (set !== null) keepDecision(visit, set, id, decided);
}

async function get(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const { visit } = doors;
  const id = idOf(context);
  new Query(req.url, []);
  const known = knownTags(req.raw.headers);
  const until = decisionDeadline(visit);
  const set = await knownSet(visit, "look", until);
  const kept = set === null ? null : await cachedDecision(visit, set, id);
  const decided = kept ?? (set === null ? null : await inquire(visit, id, until));
  if (decided === null) throw new Problem("decision-not-found", "nothing has been decided under this id");
  if (kept === null) await keep(visit, id, decided, until);
  const headers = {
    // Another gateway may have learned the same value under a later ballot: equivalent, not equal byte for byte.
    etag: `W/"${(await hexDigest(utf8(encodeProposal(decided.proposal)))).slice(0, 32)}"`,
    "cache-control": decisionCacheControl(visit.open),
    "synod-cache": kept === null ? "miss" : "hit",
  };
  if (isKnown(known, headers.etag)) return context.body(null, 304, headers);
  return context.json(shown(id, decided), 200, headers);
}
