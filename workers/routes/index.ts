/** The front page: what this is, and which doors there are. */
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { Query } from "../gateway/query.ts";
import { version } from "./version.ts";

const doors = {
  "/kv/{key}": "GET, PUT, DELETE: one key; If-Match and If-None-Match make writes conditional",
  "/kv?prefix=&limit=&cursor=": "GET: keys in order, page by page, at one revision",
  "/decisions/{id}": "GET, PUT: one value for ever; the first proposal that a majority accepts",
  "/services/{name}/{instance}": "PUT, DELETE: register, renew or remove an instance",
  "/services/{name}?tag=&region=": "GET: the instances of a service that are alive",
  "/services?limit=&cursor=": "GET: the services that have instances",
  "/time?t1=&region=": "GET: an exchange of time stamps, with an honest error",
  "/time/regions": "GET: the regions' clocks side by side",
  "/status?digest=": "GET: leader, acceptors, replicas, clocks, warnings",
  "/ns/{namespace}/…": "any of these in an independent namespace; without it: default",
};

export function addIndexRoutes(app: App): void {
  resource(app, "/", {
    GET(context) {
      new Query(context.req.url, []);
      return context.json({ name: "synod", version, doors }, 200, { "cache-control": "no-store" });
    },
  });
}
