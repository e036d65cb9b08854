/**
 * Objects as the rest sees them: their doors, their addresses, and a transport that reaches them. Says nothing about how.
 */

/** The doors of the objects: one method each, text in and text out. */
export type Port =
  "acceptor" | "acceptor-status" | "peer" | "client" | "replica-place" | "clock" | "checker" | "checker-status";

/** Which object is meant. Travels with every call, since an object cannot always tell its own name. */
export interface ObjectAddress {
  readonly namespace: string;
  readonly region: string;
}

export interface Transport {
  /**
   * @param timeoutMs at most this long.
   * @returns null when the call failed or took too long: it may or may not have been carried out.
   */
  call(port: Port, address: ObjectAddress, payload: string, timeoutMs: number): Promise<string | null>;
}
