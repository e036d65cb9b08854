/** The services `Maintenance` and `Cluster`, and what etcd tells about itself without a service. */
import { assert } from "../../src/support/assert.ts";
import { allOf } from "../../src/store/ranges.ts";
import { userKey } from "../../src/store/key-space.ts";
import { replicaStatus } from "../gateway/objects.ts";
import { clusterId, header, memberId, message, raftTerm } from "./answers.ts";
import type { Call } from "./calls.ts";
import { failing } from "./errors.ts";
import { readRange } from "./kv.ts";
import type { Enumeration, Message } from "./message.ts";

/** The dialect that is spoken here. Clients choose their paths and their expectations by it. */
export const versions = { etcdserver: "3.4.23", etcdcluster: "3.4.0" };

export async function status({ visit }: Call): Promise<object> {
  const standings = await Promise.all(visit.config.regions.map(async (region) => replicaStatus(visit, region, false)));
  const found = standings.filter((one) => one !== null);
  const nearest = visit.regions
    .map((region) => found.find((one) => one.region === region))
    .find((one) => one !== undefined);
  if (nearest === undefined) throw failing.timedOut();
  // A replica that was cut off may say it leads long after another took over: the one that is further on is believed.
  const leader = found.filter(({ leading }) => leading).toSorted((a, b) => b.applied - a.applied)[0];
  return message({
    header: header(visit, nearest.region, nearest.revision),
    version: versions.etcdserver,
    leader: leader === undefined ? null : memberId(visit, leader.region),
    raftIndex: String(Math.max(...found.map(({ applied }) => applied))),
    raftTerm,
    raftAppliedIndex: String(nearest.applied),
  });
}

/** Of one replica's whole contents: equal at equal revisions. */
export async function hash({ visit }: Call): Promise<object> {
  for (const region of visit.regions) {
    const standing = await replicaStatus(visit, region, true);
    if (standing === null || standing.digest === null) continue;
    const digits = standing.digest.slice(0, 8);
    return message({ header: header(visit, region, standing.revision), hash: Number.parseInt(digits, 16) });
  }
  throw failing.timedOut();
}

const alarmActions: Enumeration = {
  name: "etcdserverpb.AlarmRequest_AlarmAction",
  values: ["GET", "ACTIVATE", "DEACTIVATE"],
};
const alarmTypes: Enumeration = { name: "etcdserverpb.AlarmType", values: ["NONE", "NOSPACE", "CORRUPT"] };

/** There never is one. */
export async function alarm(_: Call, from: Message): Promise<object> {
  const action = from.choice("action", alarmActions);
  from.int64("memberID");
  from.choice("alarm", alarmTypes);
  if (action === 1) throw failing.unsupported("raising an alarm");
  return {};
}

/** One member for each region, all reached by the gateway that was asked. */
export async function members({ visit, url }: Call): Promise<object> {
  const { origin, pathname } = new URL(url);
  const here = `${origin}${/^\/ns\/[^/]+/.exec(pathname)?.[0] ?? ""}`;
  return {
    header: message({
      cluster_id: clusterId(visit),
      member_id: memberId(visit, visit.regions[0] ?? ""),
      raft_term: raftTerm,
    }),
    members: visit.config.regions.map((region) => ({
      ID: memberId(visit, region),
      name: region,
      peerURLs: [here],
      clientURLs: [here],
    })),
  };
}

/** Healthy is who can read what everybody has written. */
export async function isHealthy({ visit }: Pick<Call, "visit">): Promise<boolean> {
  try {
    const query = { ...allOf({ key: userKey(new Uint8Array([0])), end: null }), countOnly: true };
    const { result } = await readRange(visit, { type: "linearizable" }, query);
    assert(result.entries.length === 0, "a count holds no entries");
    return true;
  } catch {
    return false;
  }
}
