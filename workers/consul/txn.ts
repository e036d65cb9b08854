/** `/v1/txn`: several keys at once, altogether or not at all, and every operation that failed is told. */
import type { ByteString } from "../../src/support/brand.ts";
import { bytesOfBase64, utf8 } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import type { Call, Doors } from "./call.ts";
import { ConsulError } from "./errors.ts";
import { Members, parsed } from "./json.ts";
import { checkedKey } from "./kv.ts";
import { isUint64, shownPair } from "./pairs.ts";
import { answer, consistencyIn } from "./reading.ts";
import { decide } from "./steps.ts";
import type { Decision, Step } from "./steps.ts";
import { look } from "./world.ts";
import { carryOut, crowded, settled } from "./writing.ts";

export const txnDoors: Doors = { txn: { PUT: transact } };

const failing = (why: string): ConsulError => new ConsulError(400, `Failed to parse body: ${why}`);

async function transact(call: Call): Promise<Response> {
  const modes = consistencyIn(call);
  const steps = stepsIn(parsed(await call.body(limits.operationsBodyBytes), failing));
  if (steps.every(onlyReads)) {
    const seen = await look(call.visit, modes.first, steps);
    const decision = decide(steps, seen);
    const { revision, headers } = seen;
    const told = shown(decision, revision);
    if (decision.failures.length > 0) return call.json(told, { status: 409 });
    const meta = {
      Index: revision,
      LastContact: 0,
      KnownLeader: true,
      ConsistencyLevel: "",
      NotModified: false,
      Backend: 0,
    };
    return answer(call, { index: revision, revision, headers, body: { ...told, ...meta } }, modes.first);
  }
  const carried = await carryOut(call.visit, steps);
  if (carried === null) throw crowded();
  const { decision, revision } = carried;
  return call.json(shown(decision, revision), { status: decision.failures.length > 0 ? 409 : 200 });
}

const readingVerbs: readonly string[] = [
  "get",
  "get-or-empty",
  "get-tree",
  "check-index",
  "check-session",
  "check-not-exists",
];
const onlyReads = ({ verb }: Step): boolean => readingVerbs.includes(verb);

function shown({ told, failures }: Decision, revision: Parameters<typeof settled>[1]): object {
  if (failures.length > 0) {
    return { Results: null, Errors: failures.map(({ step, what }) => ({ OpIndex: step, What: what })) };
  }
  const results = told.map(({ pair, withValue }) => ({ KV: shownPair(settled(pair, revision), withValue) }));
  return { Results: results.length === 0 ? null : results, Errors: null };
}

// --- reading the body ---

function stepsIn(body: unknown): readonly Step[] {
  if (body === null || body === undefined) return [];
  if (!Array.isArray(body)) throw failing("the body must be a list of operations");
  const operations: readonly unknown[] = body;
  if (operations.length > limits.consulOperations) {
    const count = `${operations.length} > ${limits.consulOperations}`;
    throw new ConsulError(413, `Transaction contains too many operations (${count})`);
  }
  return operations.map((operation, at) => {
    const members = new Members(operation, `${at}.`, failing);
    const other = ["Node", "Service", "Check", "Session", "Intention"].find((name) => members.has(name));
    if (other !== undefined) throw new ConsulError(501, `Synod's /v1/txn takes KV operations only, not ${other}`);
    const pair = members.object("KV");
    members.end();
    if (pair === undefined) throw failing(`${at}: an operation has a member KV`);
    const step = stepIn(pair);
    pair.end();
    return step;
  });
}

function stepIn(from: Members): Step {
  const verb = from.text("Verb") ?? "";
  const key = checkedKey(utf8(from.text("Key") ?? ""));
  const value = valueIn(from);
  const flags = uint64In(from, "Flags");
  const index = uint64In(from, "Index");
  const session = from.text("Session") ?? "";
  from.ignore("Namespace", "Partition", "CreateIndex", "ModifyIndex", "LockIndex");
  const step = stepOf(verb, key, { value, flags, index, session });
  // Only of trees an empty prefix makes sense.
  const keyless = key === "" && step.verb !== "get-tree" && step.verb !== "delete-tree" && step.verb !== "fail";
  return keyless ? { verb: "fail", why: "Must provide key" } : step;
}

interface Rest {
  readonly value: Uint8Array;
  readonly flags: string;
  readonly index: string;
  readonly session: string;
}

function stepOf(verb: string, key: ByteString, { value, flags, index, session }: Rest): Step {
  switch (verb) {
    case "set":
      return { verb, key, value, flags };
    case "cas":
      return { verb, key, value, flags, index };
    case "lock":
    case "unlock":
      return { verb, key, value, flags, session };
    case "get":
    case "get-or-empty":
    case "check-not-exists":
    case "delete":
    case "get-tree":
    case "delete-tree":
      return { verb, key };
    case "check-index":
    case "delete-cas":
      return { verb, key, index };
    case "check-session":
      return { verb, key, session };
    default:
      return { verb: "fail", why: `unknown KV verb ${JSON.stringify(verb.slice(0, 80))}` };
  }
}

function valueIn(from: Members): Uint8Array {
  const value = bytesOfBase64(from.text("Value") ?? "");
  if (value === null) throw from.fail("Value", "illegal base64 data");
  if (value.length <= limits.valueBytes) return value;
  throw new ConsulError(413, `a value has at most ${limits.valueBytes} bytes, not ${value.length}`);
}

function uint64In(from: Members, name: string): string {
  const digits = from.digits(name) ?? "0";
  if (isUint64(digits)) return digits;
  throw from.fail(name, `cannot unmarshal number ${digits} into uint64`);
}
