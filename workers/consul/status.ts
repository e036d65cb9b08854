/**
 * `/v1/status/...`, `/v1/agent/self`, `/v1/agent/members`: what this cluster is, in Consul's words. There is a member for
 * each region; their addresses are names, for nobody but the gateway reaches them.
 */
import { agentNode } from "../../src/registry/keys.ts";
import { replicaStatus } from "../gateway/objects.ts";
import type { Visit } from "../gateway/visit.ts";
import { version } from "../routes/version.ts";
import type { Call, Doors } from "./call.ts";

export const statusDoors: Doors = {
  "status/leader": { GET: leader },
  "status/peers": { GET: (call) => call.json(call.visit.config.regions.map((region) => peer(call.visit, region))) },
  "agent/self": { GET: self },
  "agent/members": { GET: members },
};

/** The dialect that is spoken here: clients choose by it what they expect. */
const consulVersion = "1.10.11";
/** Consul's own port for servers among themselves: part of what a peer is called. */
const serverPort = 8300;

const peer = ({ config }: Visit, region: string): string => `${region}.${config.datacenter}:${serverPort}`;

async function leader(call: Call): Promise<Response> {
  const { visit } = call;
  const found = await Promise.all(visit.config.regions.map(async (region) => replicaStatus(visit, region, false)));
  const leading = found.filter((one) => one !== null && one.leading);
  // A replica that was cut off may say it leads long after another took over: the one that is further on is believed.
  const [first] = leading.toSorted((a, b) => (b?.applied ?? 0) - (a?.applied ?? 0));
  return call.json(first === undefined || first === null ? "" : peer(visit, first.region));
}

/** Of Serf's: alive, and failed. */
const [alive, failed] = [1, 4];

async function members(call: Call): Promise<Response> {
  const { visit } = call;
  const shown = visit.config.regions.map(async (region) => {
    const standing = await replicaStatus(visit, region, false);
    return member(call, region, standing === null ? failed : alive);
  });
  return call.json(await Promise.all(shown));
}

function member({ visit, datacenter }: Call, region: string, status: number): object {
  return {
    Name: region,
    Addr: `${region}.${datacenter}`,
    Port: 8301,
    Tags: {
      dc: datacenter,
      role: "consul",
      port: String(serverPort),
      id: `${datacenter}/${visit.namespace}/${region}`,
    },
    Status: status,
    ProtocolMin: 1,
    ProtocolMax: 5,
    ProtocolCur: 2,
    DelegateMin: 2,
    DelegateMax: 5,
    DelegateCur: 4,
  };
}

/** The agent is the gateway that was asked. */
function self(call: Call): Response {
  const { hostname, port, protocol } = new URL(call.request.url);
  const { visit, datacenter } = call;
  return call.json({
    Config: {
      Datacenter: datacenter,
      PrimaryDatacenter: datacenter,
      NodeName: agentNode,
      NodeID: "",
      Revision: `synod-${version}`,
      Server: true,
      Version: consulVersion,
    },
    DebugConfig: { Datacenter: datacenter, NodeName: agentNode, SessionTTLMin: "10s" },
    Coord: null,
    Member: {
      ...member(call, agentNode, alive),
      Addr: hostname,
      Port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
    },
    Stats: { synod: { version, namespace: visit.namespace, regions: visit.config.regions.join(",") } },
    Meta: {},
  });
}
