/**
 * Answers a query from the store as it stands. Decides nothing about how fresh it must be; that was settled before.
 */
import { assertNever } from "../support/assert.ts";
import { limits } from "../support/limits.ts";
import { instancesOf, services } from "../registry/lookup.ts";
import type { Store } from "../store/store.ts";
import type { Query, QueryResult } from "./messages.ts";

export function answer(store: Store, query: Query): QueryResult {
  switch (query.type) {
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
    case "instances": {
      const { service, tag, region } = query;
      const { instances, more } = instancesOf(store, service, {
        ...(tag === null ? {} : { tag }),
        ...(region === null ? {} : { region }),
      });
      return { type: "instances", instances, more };
    }
    case "services": {
      const found = services(store, query.limit, query.after ?? undefined);
      return { type: "services", services: found.services, more: found.more };
    }
    default:
      return assertNever(query, "query");
  }
}
