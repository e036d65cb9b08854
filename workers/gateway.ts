/**
 * The entry of the deployment: the gateway, which is the only way in, and the classes of the objects behind it. Keeps
 * nothing durable; every door is thin: decode, call, encode.
 */
import { Hono } from "hono";
import { answerConsulError } from "./consul/errors.ts";
import { consulToken } from "./consul/token.ts";
import { answerEtcdError } from "./etcd/errors.ts";
import { authenticate } from "./gateway/auth.ts";
import type { Bindings } from "./bindings.ts";
import type { App } from "./gateway/methods.ts";
import { partsOf } from "./gateway/paths.ts";
import { answerProblem, Problem, problemOf } from "./gateway/problems.ts";
import { visitOf } from "./gateway/arrival.ts";
import type { GatewayEnv } from "./gateway/arrival.ts";
import { addBatchRoutes } from "./routes/batch.ts";
import { addCompactionRoutes } from "./routes/compaction.ts";
import { addConsulRoutes, isConsulPath } from "./routes/consul.ts";
import { addDecisionRoutes } from "./routes/decisions.ts";
import { addDnsRoutes } from "./routes/dns.ts";
import { addElectionRoutes } from "./routes/elections.ts";
import { addEtcdRoutes, isEtcdPath } from "./routes/etcd.ts";
import { addIndexRoutes } from "./routes/index.ts";
import { addKeyRoutes, answerAtKey, keyPath } from "./routes/kv.ts";
import { addLeaseRoutes } from "./routes/leases.ts";
import { addLockRoutes } from "./routes/locks.ts";
import { addPipelineRoutes } from "./routes/pipeline.ts";
import { addServiceRoutes } from "./routes/services.ts";
import { addStatusRoutes } from "./routes/status.ts";
import { addTimeRoutes } from "./routes/time.ts";
import { addTransactionRoutes } from "./routes/txn.ts";
import { addWatchRoutes } from "./routes/watch.ts";

export { Door } from "./gateway/door.ts";
export { Acceptor } from "./objects/acceptor.ts";
export { Checker } from "./objects/checker.ts";
export { Clock } from "./objects/clock.ts";
export { Replica } from "./objects/replica.ts";

// Doors see the path behind `/ns/{namespace}`, as it was sent: decoding it is their business, once.
const app: App = new Hono<GatewayEnv>({ getPath: (request) => partsOf(request.url).door });

app.use((context, next) => {
  context.set("arrived", Date.now());
  const { req, env } = context;
  authenticate(req.raw.headers, env, isConsulPath(req.path) ? consulToken(req.raw) : null);
  context.set("visit", visitOf(req.raw, env, context.executionCtx));
  return next();
});

for (const add of [
  addIndexRoutes,
  addKeyRoutes,
  addTransactionRoutes,
  addBatchRoutes,
  addPipelineRoutes,
  addLeaseRoutes,
  addLockRoutes,
  addElectionRoutes,
  addCompactionRoutes,
  addDecisionRoutes,
  addServiceRoutes,
  addTimeRoutes,
  addStatusRoutes,
  addWatchRoutes,
  addEtcdRoutes,
  addConsulRoutes,
  addDnsRoutes,
]) {
  add(app);
}

app.notFound(({ req }) =>
  answerProblem(new Problem("not-found", `${req.path} is no door; GET / lists them`), req.method),
);
app.onError((error, { req }) => {
  if (isEtcdPath(req.path)) return answerEtcdError(error);
  return isConsulPath(req.path) ? answerConsulError(error, req.method) : answerProblem(problemOf(error), req.method);
});

export default {
  fetch(request: Request, env: Bindings, execution: ExecutionContext): Promise<Response> | Response {
    const { door } = partsOf(request.url);
    if (!door.startsWith(keyPath)) return app.fetch(request, env, execution);
    return answerAtKey(request, door, () => {
      authenticate(request.headers, env);
      return visitOf(request, env, execution);
    });
  },
};
