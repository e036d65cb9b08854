/** The front page: what this is, and which doors there are. */
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { Query } from "../gateway/query.ts";
import { version } from "./version.ts";

const doors = {
  "/kv/{key}?lease=&revision=": "GET, PUT, DELETE: one key; If-Match and If-None-Match make writes conditional",
  "/kv?prefix=&limit=&cursor=&revision=": "GET: keys in order, page by page, at one revision",
  "/txn": "POST: several keys, compared and changed altogether or not at all",
  "/batch": "POST: up to 1,000 independent operations in one request",
  "/pipeline": "GET, WebSocket: many small operations of one client, answered as they are done",
  "/leases": "GET, POST: time to live for keys; all of them, or a new one",
  "/leases/{id}?keys=": "GET, PUT, DELETE: one lease, renewed or revoked",
  "/locks/{name}": "GET, POST: who holds it and who waits; take it, or wait for it in a fair queue",
  "/locks/{name}/{token}": "PUT, DELETE: renew or release; If-Lock: <name>;<token> guards any write",
  "/elections/{name}": "GET, POST: who leads; stand for election",
  "/elections/{name}/{token}": "PUT, DELETE: proclaim, or resign",
  "/elections/{name}/observe": "GET: who leads, as Server-Sent Events",
  "/compaction": "POST: give up history before a revision",
  "/watch?key=|prefix=|from=&to=&revision=": "GET: what happens to keys, as Server-Sent Events or over a WebSocket",
  "/decisions/{id}": "GET, PUT: one value for ever; the first proposal that a majority accepts",
  "/services?prefix=&limit=&cursor=": "GET, POST: the services that have instances; many instances at once",
  "/services/{name}?tag=&not-tag=&meta=&region=&near=&order=&failover=&index=&wait=":
    "GET: who offers a service, healthy ones and nearest first; or once it has changed",
  "/services/{name}/{instance}": "GET, PUT, DELETE: register, renew or remove an instance",
  "/services/{name}/{instance}/checks/{check}": "PUT: what a check says",
  "/services/{name}/{instance}/maintenance": "PUT, DELETE: out of service, and back",
  "/services/{name}/events, /services/events?prefix=": "GET: what becomes of services, as Server-Sent Events",
  "/v3/…": "POST: etcd's JSON gateway, for etcd's clients",
  "/v1/…": "GET, PUT, DELETE: Consul's HTTP API, for Consul's clients",
  "/dns-query?dns=|name=&type=": "GET, POST: the registry as DNS over HTTPS, in DNS messages or JSON",
  "/time?t1=&region=&nonce=&previous=":
    "GET, POST, WebSocket: an exchange of time stamps, with an honest error; as application/ntp; signed, with a nonce",
  "/time/regions": "GET: the regions' clocks side by side, and who of them tells the truth",
  "/time/keys": "GET: the keys that sign the time",
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
