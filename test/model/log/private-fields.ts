/**
 * Reads the private fields of an object, through the inspector of this very process. The model must tell two states of
 * the real `Log` apart by all that it remembers; asked of the engine itself, no field can be forgotten, also none that is
 * added later. Reads only: nothing is ever written back.
 */
import { Session } from "node:inspector";
import type { Runtime } from "node:inspector";

const session = new Session();
session.connect();

/** Where the inspector finds the object that is meant, and leaves its fields. */
const desk: { object: object | null; fields: readonly unknown[] } = { object: null, fields: [] };
const deskName = "synodModelDesk";
Object.defineProperty(globalThis, deskName, { value: desk, configurable: true });

const objectGroup = "synod-model";

interface Field {
  readonly name: string;
  readonly value: Runtime.RemoteObject;
}

/** What the protocol answers beyond the types at hand. */
interface Properties {
  readonly privateProperties?: readonly { readonly name: string; readonly value?: Runtime.RemoteObject }[];
}

/** A session to this very thread answers before `post` returns. */
function answered<Result>(ask: (done: (error: Error | null, result?: Result) => void) => void): Result {
  let found: Result | null = null;
  ask((error, result) => {
    if (error !== null) throw error;
    found = result ?? null;
  });
  if (found === null) throw new Error("the inspector did not answer");
  return found;
}

const deskId = answered<Runtime.EvaluateReturnType>((done) =>
  session.post("Runtime.evaluate", { expression: deskName }, done),
).result.objectId;

let reads = 0;

/**
 * By name, `#` included; those of the object's base classes too. A field that holds an object of a class of its own is
 * replaced by that object's fields.
 * @param outside fields that lead out of the object's own memory: left out.
 */
export function privateFields(object: object, outside: ReadonlySet<string> = new Set()): Map<string, unknown> {
  if (deskId === undefined) throw new Error("the inspector does not see the model");
  desk.object = object;
  const { objectId } = call(deskId, "function () { return this.object; }", []).result;
  if (objectId === undefined) throw new Error("not an object");
  const fields = [...fieldsOf(objectId, "", outside)];
  call(
    deskId,
    "function (...fields) { this.fields = fields; }",
    fields.map(({ value }) => argumentOf(value)),
  );
  reads += 1;
  if (reads % 64 === 0) session.post("Runtime.releaseObjectGroup", { objectGroup });
  const named = new Map(fields.map(({ name }, index) => [name, desk.fields[index]]));
  desk.object = null;
  desk.fields = [];
  return named;
}

/** Classes of values that a text can be made of as they are. */
const plain = new Set(["Object", "Array", "Map", "Set"]);

function* fieldsOf(objectId: string, prefix: string, outside: ReadonlySet<string>): Generator<Field> {
  const { privateProperties = [] } = answered<Properties>((done) =>
    session.post("Runtime.getProperties", { objectId, ownProperties: true }, done),
  );
  for (const { name, value } of privateProperties) {
    if (value === undefined || outside.has(name)) continue;
    const own = value.objectId !== undefined && value.type === "object" && !plain.has(value.className ?? "");
    if (own && value.objectId !== undefined) yield* fieldsOf(value.objectId, `${prefix}${name}.`, outside);
    else yield { name: `${prefix}${name}`, value };
  }
}

function call(objectId: string, functionDeclaration: string, args: Runtime.CallArgument[]) {
  return answered<Runtime.CallFunctionOnReturnType>((done) =>
    session.post("Runtime.callFunctionOn", { functionDeclaration, objectId, objectGroup, arguments: args }, done),
  );
}

function argumentOf(value: Runtime.RemoteObject): Runtime.CallArgument {
  if (value.objectId !== undefined) return { objectId: value.objectId };
  if (value.unserializableValue !== undefined) return { unserializableValue: value.unserializableValue };
  return { value: value.value as unknown };
}
