/** Instances and checks as clients of `/services` see them: seconds, and no member that says nothing. Pure. */
import { agentNode, sameNode } from "../../src/registry/keys.ts";
import type { CheckDefinition, CheckView, InstanceRecord, InstanceView, Thresholds } from "../../src/registry/model.ts";

const seconds = (ms: number): number => ms / 1000;

function shownCheck(check: CheckDefinition) {
  const { check: id, kind, name, notes, deregisterAfterMs } = check;
  const common = {
    id,
    kind,
    ...(name === id ? {} : { name }),
    ...(notes === "" ? {} : { notes }),
    ...(deregisterAfterMs === null ? {} : { deregisterAfter: seconds(deregisterAfterMs) }),
  };
  switch (check.kind) {
    case "ttl":
      return { ...common, ttl: seconds(check.ttlMs) };
    case "http": {
      const { url, method, headers, body } = check;
      const asked = { ...(Object.keys(headers).length === 0 ? {} : { headers }), ...(body === "" ? {} : { body }) };
      return { ...common, url, method, ...asked, ...shownTiming(check) };
    }
    case "tcp":
      return { ...common, host: check.host, port: check.port, ...shownTiming(check) };
    case "alias": {
      const { node, instance } = check;
      return { ...common, ...(sameNode(node, agentNode) ? {} : { node }), ...(instance === null ? {} : { instance }) };
    }
    case "plain":
      return common;
  }
}

const shownTiming = ({
  intervalMs,
  timeoutMs,
  successBeforePassing,
  failuresBeforeCritical,
}: Thresholds & { readonly intervalMs: number; readonly timeoutMs: number }) => ({
  interval: seconds(intervalMs),
  timeout: seconds(timeoutMs),
  ...(successBeforePassing === 0 ? {} : { successBeforePassing }),
  ...(failuresBeforeCritical === 0 ? {} : { failuresBeforeCritical }),
});

const shownView = ({ definition, status, output }: CheckView) => ({ ...shownCheck(definition), status, output });

function shownParts({ address, port, protocol, tags, meta, weights, ttlMs, region }: InstanceRecord) {
  return {
    address,
    port,
    protocol,
    tags,
    meta,
    weights,
    ...(ttlMs === null ? {} : { ttl: seconds(ttlMs) }),
    region,
  };
}

/** As it was registered; what its checks say is not known here. */
export const shownRecord = (record: InstanceRecord) => ({
  ...shownParts(record),
  checks: record.checks.map(shownCheck),
});

/** What it says of itself and where it is. */
export const shownPlaced = (view: InstanceView) => ({
  instance: view.instance,
  ...(sameNode(view.node, agentNode) ? {} : { node: view.node }),
  ...shownParts(view),
  address: view.address === "" ? view.nodeAddress : view.address,
});

export const shownHealth = (view: InstanceView) => ({
  status: view.status,
  suspect: view.suspect,
  checks: view.states.map(shownView),
  ...(view.nodeStates.length === 0 ? {} : { nodeChecks: view.nodeStates.map(shownView) }),
});

export const shownInstance = (view: InstanceView) => ({
  ...shownPlaced(view),
  ...shownHealth(view),
  createRevision: view.createRevision,
  modRevision: view.modRevision,
});
