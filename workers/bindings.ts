/** What the platform hands to the Worker and its objects: namespaces of objects, variables, secrets, doors of other processes. */
import type { Variables } from "./config.ts";

export interface Bindings extends Variables {
  readonly ACCEPTOR: DurableObjectNamespace;
  readonly REPLICA: DurableObjectNamespace;
  readonly CLOCK: DurableObjectNamespace;
  readonly CHECKER: DurableObjectNamespace;
  /** "true" only where a launcher listens on loopback: requests need no token. */
  readonly SYNOD_OPEN?: string;
  /**
   * "false" where a promise that one request settles cannot be awaited by another (vitest's pool runs without the
   * runtime's `handle_cross_request_promise_resolution`): then each request calls its replica by itself.
   */
  readonly SYNOD_GATHER?: string;
  /** The bearer token every request must carry. */
  readonly SYNOD_TOKEN?: string;
  /** Guards the internal door between the processes of a self-hosted cluster. */
  readonly SYNOD_SECRET?: string;
  /** Signs receipts of the time: an Ed25519 key, PKCS #8 in base64. */
  readonly SYNOD_TIME_KEY?: string;
  /** "true" where a launcher made that key and forgets it at the end. */
  readonly SYNOD_TIME_KEY_EPHEMERAL?: string;
  /** The platform's own counter of questions for the time, where it is configured. */
  readonly TIME_RATE?: RateLimit;
  /** Where an object asks which data centre it runs in; absent where nothing outside may be asked. */
  readonly SYNOD_TRACE_URL?: string;
  /** `PEER_<region>`: the door of the process that holds that region's objects. */
  readonly [peer: `PEER_${string}`]: Fetcher | undefined;
}
