/**
 * How one object reaches another: by a stub where both live in this process or deployment, through the internal door of
 * the process that holds the other's region in a self-hosted cluster. Owns its timeouts; never retries (a retry is a
 * decision of the protocol); takes a fresh stub for every call, since a stub that failed once is broken for ever.
 */
import { isLocationHint } from "../config.ts";
import type { Bindings } from "../bindings.ts";
import type { ObjectAddress, Port, Transport } from "./port.ts";

type Method = "receive" | "status" | "fromPeer" | "fromClient" | "place" | "read" | "arm";
type Binding = "ACCEPTOR" | "REPLICA" | "CLOCK" | "CHECKER";
const ports: Readonly<Record<Port, { readonly binding: Binding; readonly method: Method }>> = {
  acceptor: { binding: "ACCEPTOR", method: "receive" },
  "acceptor-status": { binding: "ACCEPTOR", method: "status" },
  peer: { binding: "REPLICA", method: "fromPeer" },
  client: { binding: "REPLICA", method: "fromClient" },
  "replica-place": { binding: "REPLICA", method: "place" },
  clock: { binding: "CLOCK", method: "read" },
  checker: { binding: "CHECKER", method: "arm" },
  "checker-status": { binding: "CHECKER", method: "status" },
};
export const isPort = (text: string): text is Port => Object.hasOwn(ports, text);

/** The methods that objects offer to `Port`s. */
type Methods = Readonly<Record<Method, (address: ObjectAddress, payload: string) => Promise<string>>>;

/** Ids by binding and name: each is worked out of its name by hashing, and stays the same. */
const ids = new Map<string, DurableObjectId>();
const rememberedIds = 4096;

function idOf(env: Bindings, binding: Binding, name: string): DurableObjectId {
  const key = `${binding} ${name}`;
  const known = ids.get(key);
  if (known !== undefined) return known;
  const id = env[binding].idFromName(name);
  if (ids.size >= rememberedIds) ids.clear();
  ids.set(key, id);
  return id;
}

/** Calls an object of this very process or deployment. @throws whatever the platform throws when the object cannot be reached. */
export async function callHere(env: Bindings, port: Port, address: ObjectAddress, payload: string): Promise<string> {
  const { binding, method } = ports[port];
  const { namespace, region } = address;
  if (!isLocationHint(region)) throw new Error(`not a region: ${region}`);
  const id = idOf(env, binding, binding === "CLOCK" ? `clock/${region}` : `${namespace}/${region}`);
  const stub = env[binding].get(id, { locationHint: region, retry: { maxRetries: 0 } }) as unknown as Methods;
  // Called in place: `call` and `apply` on a method of a stub would be names of remote methods.
  return await stub[method](address, payload);
}

async function callThroughDoor(
  door: Fetcher,
  secret: string,
  port: Port,
  address: ObjectAddress,
  payload: string,
): Promise<string> {
  const response = await door.fetch(`http://door/${port}/${address.namespace}/${address.region}`, {
    method: "POST",
    headers: { "synod-secret": secret },
    body: payload,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the door answered ${response.status}: ${text.slice(0, 200)}`);
  return text;
}

/** Settles with null after `timeoutMs`; the call itself goes on unheeded. */
async function within(timeoutMs: number, call: Promise<string>): Promise<string | null> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), timeoutMs);
  });
  try {
    return await Promise.race([call, late]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

const transports = new WeakMap<Bindings, Transport>();

/** Made once for each set of bindings. */
export function transportOf(env: Bindings): Transport {
  const known = transports.get(env);
  if (known !== undefined) return known;
  const made: Transport = {
    call(port, address, payload, timeoutMs) {
      const door = env[`PEER_${address.region.replaceAll("-", "_")}`];
      const call =
        door === undefined
          ? callHere(env, port, address, payload)
          : callThroughDoor(door, env.SYNOD_SECRET ?? "", port, address, payload);
      return within(timeoutMs, call);
    },
  };
  transports.set(env, made);
  return made;
}
