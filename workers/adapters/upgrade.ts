/** Asks a replica of this very process or deployment to take over a WebSocket. */
import type { Bindings } from "../bindings.ts";
import { isLocationHint } from "../config.ts";
import type { ObjectAddress } from "./port.ts";

/**
 * @param message the watch, as text.
 * @returns null when another process holds the replica: WebSockets do not go through its door.
 * @throws whatever the platform throws when the object cannot be reached.
 */
export async function upgradeHere(
  env: Bindings,
  { namespace, region }: ObjectAddress,
  message: string,
): Promise<Response | null> {
  if (!isLocationHint(region) || env[`PEER_${region.replaceAll("-", "_")}`] !== undefined) return null;
  const id = env.REPLICA.idFromName(`${namespace}/${region}`);
  const stub = env.REPLICA.get(id, { locationHint: region, retry: { maxRetries: 0 } });
  const url = `http://replica/watch/${namespace}/${region}?${encodeURIComponent(message)}`;
  return stub.fetch(url, { headers: { upgrade: "websocket" } });
}
