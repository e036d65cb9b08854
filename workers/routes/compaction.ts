/** The door to compaction: `POST /compaction`. History before a revision is given up, at once and for everybody. */
import type { Context } from "hono";
import * as v from "valibot";
import { revision } from "../../src/support/brand.ts";
import { jsonBodyOf } from "../gateway/bodies.ts";
import { refuseConditions } from "../gateway/conditions.ts";
import { wholeSchema } from "../gateway/members.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { Query } from "../gateway/query.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import { write } from "../gateway/writes.ts";

const bodySchema = v.strictObject({ revision: wholeSchema(1) });

export function addCompactionRoutes(app: App): void {
  resource(app, "/compaction", { POST: compact });
}

async function compact(context: Context<GatewayEnv>): Promise<Response> {
  const { req, var: doors } = context;
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  const { bytes, value } = await jsonBodyOf(req.raw, bodySchema);
  const asked = { method: "POST", path: "/compaction", condition: "always", body: bytes };
  const operation = { type: "compact", revision: revision(value.revision) } as const;
  const { outcome, headers } = await write(doors.visit, req.raw.headers, asked, operation, "compacted");
  return context.json({ compactedRevision: value.revision, revision: outcome.revision }, 200, headers);
}
