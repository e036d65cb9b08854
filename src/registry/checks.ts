/**
 * Checks and what they say: what each may hold, and its stored form. Made by the doors, stored with the instance or the
 * node that they are of. Durations are in ms here, seconds outside.
 */
import { limits } from "../support/limits.ts";
import { inOrder, isOneOf, isPlainRecord, isText, isWhole, rejected, textPairs } from "./shapes.ts";
import type { Rejected } from "./shapes.ts";
import { isAddress } from "./addresses.ts";
import { checkName, instanceName, nodeName } from "./keys.ts";
import type { CheckDefinition, CheckState, CheckStatus, Thresholds } from "./model.ts";

const checkKinds = ["ttl", "http", "tcp", "alias", "plain"] as const;
export const checkStatuses = ["passing", "warning", "critical"] as const satisfies readonly CheckStatus[];

const common = ["kind", "check", "name", "notes", "deregisterAfterMs"];
const active = ["intervalMs", "timeoutMs", "successBeforePassing", "failuresBeforeCritical"];
/** The members of each kind. */
const members: Readonly<Record<CheckDefinition["kind"], readonly string[]>> = {
  ttl: [...common, "ttlMs"],
  http: [...common, ...active, "url", "method", "headers", "body"],
  tcp: [...common, ...active, "host", "port"],
  alias: [...common, "node", "instance"],
  plain: common,
};

const isShort = (value: unknown): value is string =>
  typeof value === "string" && value.length <= limits.checkTextCharacters && value.isWellFormed();

/** @returns the check, in one form for each meaning, or why it is none. */
export function checkDefinition(input: unknown): CheckDefinition | Rejected {
  if (!isPlainRecord(input)) return rejected("a check must be an object");
  const { kind, name, notes, deregisterAfterMs } = input;
  if (!isOneOf(kind, checkKinds)) return rejected(`a check's kind must be one of ${checkKinds.join(", ")}`);
  const unknown = Object.keys(input).find((member) => !members[kind].includes(member));
  if (unknown !== undefined) return rejected(`a check of kind ${kind} has no ${JSON.stringify(unknown.slice(0, 80))}`);
  const check = typeof input["check"] === "string" ? checkName(input["check"]) : null;
  if (check === null) return rejected("a check's id must have 1 to 192 letters, digits and . _ : @ -");
  if (!isShort(name) || !isShort(notes)) {
    return rejected(`a check's name and notes must be texts of at most ${limits.checkTextCharacters} characters`);
  }
  const longest = limits.deregisterAfterSecondsMax;
  if (deregisterAfterMs !== null && !isWhole(deregisterAfterMs, 1000, longest * 1000)) {
    return rejected(`a check's deregisterAfter must be from 1 to ${longest} seconds`);
  }
  const base = { check, name, notes, deregisterAfterMs };
  switch (kind) {
    case "ttl":
      return ttlCheck(base, input);
    case "http":
      return httpCheck(base, input);
    case "tcp":
      return tcpCheck(base, input);
    case "alias":
      return aliasCheck(base, input);
    case "plain":
      return { kind, ...base };
  }
}

type Base = Pick<CheckDefinition, "check" | "name" | "notes" | "deregisterAfterMs">;
type Input = Readonly<Record<string, unknown>>;

function ttlCheck(base: Base, { ttlMs }: Input): CheckDefinition | Rejected {
  const most = limits.checkTtlSecondsMax;
  if (!isWhole(ttlMs, 1000, most * 1000)) return rejected(`a check's ttl must be from 1 to ${most} seconds`);
  return { kind: "ttl", ...base, ttlMs };
}

function httpCheck(base: Base, input: Input): CheckDefinition | Rejected {
  const timing = timingIn(input);
  if ("type" in timing) return timing;
  const { url, method, body } = input;
  if (!isText(url, limits.checkUrlCharacters)) {
    return rejected(`a check's url must be text of at most ${limits.checkUrlCharacters} characters`);
  }
  if (typeof method !== "string" || !/^[A-Z]{1,16}$/.test(method)) {
    return rejected("a check's method must be 1 to 16 capital letters");
  }
  if (typeof body !== "string" || body.length > limits.checkBodyCharacters || !body.isWellFormed()) {
    return rejected(`a check's body must be text of at most ${limits.checkBodyCharacters} characters`);
  }
  const headers = textPairs(input["headers"], limits.checkHeaders, 128, limits.checkTextCharacters);
  const whole = headers?.every(([name, value]) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && isFieldValue(value));
  if (headers === null || whole !== true) {
    return rejected(`a check's headers must be at most ${limits.checkHeaders} header fields`);
  }
  return { kind: "http", ...base, ...timing, url, method, headers: Object.fromEntries(headers), body };
}

const isFieldValue = (text: string): boolean => /^[\t\u0020-\u007e]*$/.test(text);

function tcpCheck(base: Base, input: Input): CheckDefinition | Rejected {
  const timing = timingIn(input);
  if ("type" in timing) return timing;
  const { host, port } = input;
  if (!isAddress(host)) return rejected("a check's host must be an IP address or a host's name");
  if (!isWhole(port, 1, 65_535)) return rejected("a check's port must be a whole number from 1 to 65535");
  return { kind: "tcp", ...base, ...timing, host, port };
}

function aliasCheck(base: Base, input: Input): CheckDefinition | Rejected {
  const node = typeof input["node"] === "string" ? nodeName(input["node"]) : null;
  const named = input["instance"];
  const instance = typeof named === "string" ? instanceName(named) : null;
  if (node === null) return rejected("an alias must name the node that it stands for");
  if (named !== null && instance === null) return rejected("an alias must name the instance that it stands for");
  return { kind: "alias", ...base, node, instance };
}

function timingIn(input: Input): (Thresholds & { intervalMs: number; timeoutMs: number }) | Rejected {
  const { intervalMs, timeoutMs, successBeforePassing, failuresBeforeCritical } = input;
  const [least, most] = [limits.checkIntervalSecondsMin, limits.checkIntervalSecondsMax];
  if (!isWhole(intervalMs, least * 1000, most * 1000)) {
    return rejected(`a check's interval must be from ${least} to ${most} seconds`);
  }
  if (!isWhole(timeoutMs, 1, intervalMs)) {
    return rejected("a check's timeout must be longer than nothing and no longer than its interval");
  }
  const isCount = (value: unknown): value is number => isWhole(value, 0, limits.checkThreshold);
  if (!isCount(successBeforePassing) || !isCount(failuresBeforeCritical)) {
    return rejected(`a check's thresholds must be whole numbers from 0 to ${limits.checkThreshold}`);
  }
  return { intervalMs, timeoutMs, successBeforePassing, failuresBeforeCritical };
}

/** @returns what a check says, or why it is not that. */
export function checkState(input: unknown): CheckState | Rejected {
  if (!isPlainRecord(input)) return rejected("a check's state must be an object");
  const { status, output, ...others } = input;
  if (!isOneOf(status, checkStatuses)) return rejected(`a status must be one of ${checkStatuses.join(", ")}`);
  if (typeof output !== "string" || output.length > limits.checkOutputCharacters || !output.isWellFormed()) {
    return rejected(`an output must be text of at most ${limits.checkOutputCharacters} characters`);
  }
  return Object.keys(others).length > 0 ? rejected("a check's state has a status and an output") : { status, output };
}

/** Its members in one order, so that equal checks are equal in bytes. */
export function storedDefinition(definition: CheckDefinition): object {
  const values: Readonly<Record<string, unknown>> = { ...definition };
  return Object.fromEntries(
    members[definition.kind].map((member) => {
      const value = values[member];
      return [member, isPlainRecord(value) ? Object.fromEntries(inOrder(Object.entries(value))) : value];
    }),
  );
}
