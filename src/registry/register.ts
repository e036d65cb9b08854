/**
 * Registering, renewing and removing an instance, as store operations. Called by the door for services. Registering the
 * same again only renews the lease: no new revision, one row. There is no other way for an instance to go than being
 * removed or its lease ending (SPEC E1).
 */
import type { Operation } from "../store/command.ts";
import { encodeRegistration } from "./registration.ts";
import type { Registration } from "./registration.ts";
import { instanceKey, instanceLease } from "./service-keys.ts";
import type { InstancePlace } from "./service-keys.ts";

export function register(place: InstancePlace, registration: Registration): Operation {
  return {
    type: "put",
    key: instanceKey(place),
    value: encodeRegistration(registration),
    condition: { type: "always" },
    lease: { id: instanceLease(place), ttlMs: registration.ttlMs },
    keepIfEqual: true,
  };
}

export function deregister(place: InstancePlace): Operation {
  return { type: "delete", key: instanceKey(place), condition: { type: "always" } };
}
