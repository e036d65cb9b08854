/** Why nothing can be listened for at an address, for people. */
import { CommandError } from "./errors.ts";
import type { Endpoint } from "./flags.ts";

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "something else listens there",
  EACCES: "ports below 1024 are for root, or for whoever has CAP_NET_BIND_SERVICE",
  EADDRNOTAVAIL: "this machine has no such address",
};

export function cannotListen({ address, port }: Endpoint, error: unknown): CommandError {
  const { code, message } = error as { readonly code?: string; readonly message: string };
  return new CommandError(`cannot listen on ${address}:${port}: ${reasons[code ?? ""] ?? message}`);
}
