/**
 * Which transactions are refused for changing a key twice: etcd's rule (`checkIntervals` of v3rpc/key.go), and Synod's,
 * which is stricter. So that the generator knows which transactions have no equal answer.
 */
interface Interval {
  readonly key: string;
  /** Empty: the key alone. */
  readonly end: string;
}

interface Touched {
  readonly puts: Set<string>;
  readonly deletes: Interval[];
}

type Operation = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const bytesIn = (value: unknown): string =>
  typeof value === "string" ? Buffer.from(value, "base64").toString("latin1") : "";

const intervalOf = (body: Readonly<Record<string, unknown>>): Interval => ({
  key: bytesIn(body["key"]),
  end: bytesIn(body["range_end"]),
});

const covers = ({ key, end }: Interval, one: string): boolean => (end === "" ? one === key : one >= key && one < end);

const operationsOf = (txn: object, branch: "success" | "failure"): readonly Operation[] =>
  (Object.entries(txn).find(([name]) => name === branch)?.[1] ?? []) as readonly Operation[];

/** @returns null for a conflict. */
function touchedInEtcd(operations: readonly Operation[]): Touched | null {
  const deletes: Interval[] = [];
  const puts = new Set<string>();
  for (const { request_delete_range: request } of operations)
    if (request !== undefined) deletes.push(intervalOf(request));
  const clash = (key: string): boolean => puts.has(key) || deletes.some((one) => covers(one, key));
  for (const { request_txn: request } of operations) {
    if (request === undefined) continue;
    const [then, otherwise] = [
      touchedInEtcd(operationsOf(request, "success")),
      touchedInEtcd(operationsOf(request, "failure")),
    ];
    if (then === null || otherwise === null) return null;
    for (const key of then.puts) {
      if (clash(key)) return null;
      puts.add(key);
    }
    for (const key of otherwise.puts) {
      if (then.puts.has(key)) continue;
      if (clash(key)) return null;
      puts.add(key);
    }
    deletes.push(...then.deletes, ...otherwise.deletes);
  }
  for (const { requestPut: request } of operations) {
    if (request === undefined) continue;
    const key = bytesIn(request["key"]);
    if (clash(key)) return null;
    puts.add(key);
  }
  return { puts, deletes };
}

/** Whatever may be put or deleted, by which branch ever, in one list. */
function touchedAtAll(txn: object): { readonly puts: readonly string[]; readonly deletes: readonly Interval[] } {
  const all = [...operationsOf(txn, "success"), ...operationsOf(txn, "failure")];
  const nested = all.flatMap(({ request_txn: request }) => (request === undefined ? [] : [touchedAtAll(request)]));
  return {
    puts: [
      ...all.flatMap(({ requestPut: request }) => (request === undefined ? [] : [bytesIn(request["key"])])),
      ...nested.flatMap(({ puts }) => puts),
    ],
    deletes: [
      ...all.flatMap(({ request_delete_range: request }) => (request === undefined ? [] : [intervalOf(request)])),
      ...nested.flatMap(({ deletes }) => deletes),
    ],
  };
}

/** To be on the safe side: one zero byte for the end of the range stands for all keys from there on. */
const coversAtAll = (interval: Interval, key: string): boolean =>
  interval.end === "\0" ? key >= interval.key : covers(interval, key);

/** Some put meets another put, or a deletion, anywhere in it. */
export function mayTouchTwice(txn: object): boolean {
  const { puts, deletes } = touchedAtAll(txn);
  return new Set(puts).size < puts.length || puts.some((key) => deletes.some((one) => coversAtAll(one, key)));
}

export const isRefusedByEtcd = (txn: object): boolean =>
  touchedInEtcd(operationsOf(txn, "success")) === null || touchedInEtcd(operationsOf(txn, "failure")) === null;
