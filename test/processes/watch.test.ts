/**
 * Watching a cluster of real processes: at every region's gateway, over a region's death, and behind a cut. What one gateway
 * promises alone is tested in the runtime.
 */
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { startCluster, type Cluster } from "../../scripts/runtime/cluster.ts";
import { ask, eventually, pause, put, putKey, urlOf } from "./support/gateway.ts";

const regions = ["wnam", "enam", "weur"] as const;
let cluster: Cluster;
const url = (region: string): string => urlOf(cluster, region);

beforeAll(async () => {
  cluster = await startCluster({ regions });
});
afterEach(() => cluster.heal());
afterAll(async () => cluster.stop());

interface Shown {
  readonly key: string;
  readonly modRevision: number;
}
type Message = Readonly<Record<string, unknown>> & { readonly type: string };

/** A WebSocket's client that remembers what it is told, and acknowledges it. */
class Client {
  readonly #socket: WebSocket;
  readonly told: Shown[] = [];
  readonly progress: Message[] = [];
  ready = false;

  constructor(gateway: string, query: string) {
    this.#socket = new WebSocket(`${gateway.replace("http", "ws")}/watch?${query}`, ["synod"]);
    this.#socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as Message;
      if (message.type === "ready") this.ready = true;
      else if (message.type === "progress") this.progress.push(message);
      else {
        this.told.push(...(message["events"] as Shown[]));
        this.send({ type: "ack", next: message["next"] });
      }
    };
  }

  send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  close(): void {
    this.#socket.close();
  }
}

async function opened(region: string, query: string): Promise<Client> {
  const client = new Client(url(region), query);
  await eventually(`a socket in ${region}`, async () => Promise.resolve(client.ready ? client : null));
  return client;
}

/** Reads an event stream until `enough`, or until it breaks. @returns the last id. */
async function follow(
  gateway: string,
  query: string,
  lastId: string | null,
  heard: (shown: readonly Shown[]) => "enough" | "more",
): Promise<string | null> {
  let last = lastId;
  const gone = new AbortController();
  try {
    const headers: Record<string, string> = last === null ? {} : { "last-event-id": last };
    const response = await fetch(`${gateway}/watch?${query}`, { headers, signal: gone.signal });
    if (response.status !== 200 || response.body === null) return last;
    let text = "";
    for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
      text += bytes;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const event = /^id: (\S+)\nevent: (\w+)\ndata: (.*)$/.exec(text.slice(0, end));
        text = text.slice(end + 2);
        if (event === null) continue;
        const [, id = "", kind, data = ""] = event;
        last = id;
        if (kind !== "changes") continue;
        if (heard((JSON.parse(data) as { readonly events: readonly Shown[] }).events) === "enough") return last;
      }
    }
    return last;
  } catch {
    // The region has died in the middle: what was told whole counts.
    return last;
  } finally {
    gone.abort();
  }
}

it("tells WebSockets at every region's gateway the same, in the same order", async () => {
  const clients = await Promise.all(regions.map(async (region) => opened(region, "prefix=all/")));
  const written = await Promise.all(
    Array.from({ length: 30 }, async (_, i) => putKey(url(regions[i % 3] ?? "wnam"), `all/${i}`, "x")),
  );
  const revisions = written.map((told) => (told.type === "acknowledged" ? told.revision : 0)).toSorted((a, b) => a - b);
  for (const client of clients) {
    await eventually("all of it", async () => Promise.resolve(client.told.length >= 30 ? true : null));
    expect(client.told.map(({ modRevision }) => modRevision)).toEqual(revisions);
    client.close();
  }
}, 60_000);

it("[N3] goes on at another region's gateway when the one before dies, with nothing lost or told twice", async () => {
  await putKey(url("wnam"), "before", "x");
  const told: number[] = [];
  const acknowledged: number[] = [];
  let done = false;
  const writer = (async () => {
    for (let i = 0; i < 150;) {
      const said = await putKey(url(i % 2 === 0 ? "wnam" : "enam"), `moved/${i}`, "x");
      // What was not acknowledged may be told of all the same.
      if (said.type !== "acknowledged") continue;
      acknowledged.push(said.revision);
      i += 1;
    }
    done = true;
  })();
  const isAll = (): boolean => done && (told.at(-1) ?? 0) >= (acknowledged.at(-1) ?? 0);
  let [last, killed]: [string | null, boolean] = ["1", false];
  for (let at = 0; !isAll(); at += 1) {
    const region = killed ? (regions[at % 2] ?? "wnam") : "weur";
    last = await follow(url(region), "prefix=moved/", last, (shown) => {
      told.push(...shown.map(({ modRevision }) => modRevision));
      if (told.length >= 40 && !killed) {
        killed = true;
        void cluster.kill("weur");
      }
      // Another gateway now and then.
      return isAll() || (killed && told.length % 25 === 0) ? "enough" : "more";
    });
  }
  await writer;
  expect(told).toEqual([...new Set(told)].toSorted((a, b) => a - b));
  expect(told).toEqual(expect.arrayContaining(acknowledged));
  await cluster.restart("weur");
}, 120_000);

it("says that it does not know while its region is cut off, and tells what it missed afterwards", async () => {
  const client = await opened("weur", "key=cut");
  const others = ["wnam", "enam"] as const;
  for (const other of others) {
    cluster.link("weur", other, { cut: true });
    cluster.link(other, "weur", { cut: true });
  }
  await eventually("a write without it", async () => ((await put(`${url("wnam")}/kv/cut`, "x")).ok ? true : null));
  client.send({ type: "progress" });
  await eventually("an answer", async () => Promise.resolve(client.progress.length > 0 ? true : null));
  expect(client.progress).toMatchObject([{ confirmed: false }]);
  expect(client.told).toEqual([]);
  cluster.heal();
  await eventually("to be told", async () => {
    client.send({ type: "progress" });
    await pause(500);
    return client.progress.at(-1)?.["confirmed"] === true ? true : null;
  });
  expect(client.told.map(({ key }) => key)).toEqual(expect.arrayContaining(["cut"]));
  expect((await ask(`${url("weur")}/kv/cut?consistency=local`)).status).toBe(200);
  client.close();
}, 90_000);
