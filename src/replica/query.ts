/**
 * Answers a query from the store as it stands. Decides nothing about how fresh it must be; that was settled before.
 */
import { assertNever } from "../support/assert.ts";
import type { Instant } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import * as registry from "../registry/lookup.ts";
import { endOf } from "../store/rules.ts";
import type { Store } from "../store/store.ts";
import type { Lease } from "../store/leases.ts";
import type { LeaseState, Query, QueryResult } from "./messages.ts";

/** @param clock this machine's: what the time that a lease has left is told by. */
export function answer(store: Store, query: Query, clock: Instant): QueryResult {
  switch (query.type) {
    case "range": {
      const bounds = { limit: limits.pageKeys, maxBytes: limits.pageBytes };
      const range = store.range(query.range, query.place, bounds);
      if ("type" in range) return range.type === "future" ? { type: "future" } : range;
      return { type: "range", range, revision: query.range.revision ?? store.revision };
    }
    case "transaction": {
      const read = store.readTransaction(query.transaction);
      if (typeof read !== "string") return { type: "transaction", ...read };
      return { type: "refused", why: read, compactedRevision: store.compactedRevision };
    }
    case "lease": {
      const lease = store.lease(query.lease);
      const keys = store.leaseKeys(query.lease, query.keys);
      return { type: "lease", lease: lease === null ? null : stateOf(lease, store, clock), keys };
    }
    case "leases": {
      const found = store.leases(query.after, query.limit + 1);
      const leases = found.slice(0, query.limit).map((lease) => stateOf(lease, store, clock));
      return { type: "leases", leases, more: found.length > query.limit };
    }
    case "get":
      return { type: "entry", entry: store.get(query.key) };
    case "list": {
      const page = store.list({
        prefix: query.prefix,
        limit: query.limit,
        maxBytes: limits.pageBytes,
        ...(query.after === null ? {} : { after: query.after }),
        ...(query.revision === null ? {} : { revision: query.revision }),
      });
      return page.type === "future" ? { type: "future" } : page;
    }
    case "last-changes":
      return { type: "last-changes", revisions: query.ranges.map((range) => store.lastChange(range)) };
    case "instances":
      return { type: "instances", ...registry.findInstances(store, query.lookup) };
    case "services":
      return { type: "services", ...registry.findServices(store, query.limit, query.after, query.prefix) };
    case "nodes":
      return { type: "nodes", ...registry.findNodes(store, query.limit, query.after) };
    case "node":
      return { type: "node", ...registry.findNode(store, query.node, query.after) };
    case "checks":
      return { type: "checks", ...registry.findChecks(store, query) };
    case "instance":
      return { type: "instance", ...registry.findInstance(store, query.node, query.instance) };
    case "check":
      return { type: "check", ...registry.findCheck(store, query.node, query.check) };
    default:
      return assertNever(query, "query");
  }
}

function stateOf(lease: Lease, store: Store, clock: Instant): LeaseState {
  const { id, ttlMs, granted } = lease;
  const now = Math.max(clock, store.logTime);
  return { id, ttlMs, remainingMs: Math.max(0, endOf(lease) - now), granted };
}
