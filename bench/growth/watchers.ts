/** How cost grows with those who watch one key over WebSockets, in the real runtime. */
import { Client, inTurn } from "../cost/client.ts";
import type { Counted } from "../cost/counted.ts";
import { median, printTable } from "../report.ts";
import { ratios, residentMiB, timed } from "./ground.ts";
import type { Ground } from "./ground.ts";

/** Sockets that are told together: settles the next time all of them have been. */
class Audience {
  readonly #sockets: WebSocket[] = [];
  #missing = 0;
  #all: () => void = () => undefined;

  async grow(synod: Counted, namespace: string, count: number): Promise<void> {
    while (this.#sockets.length < count) {
      const some = Math.min(50, count - this.#sockets.length);
      await Promise.all(Array.from({ length: some }, async () => this.#open(synod, namespace)));
    }
  }

  async #open(synod: Counted, namespace: string): Promise<void> {
    const socket = new WebSocket(`${synod.url.replace("http", "ws")}/ns/${namespace}/watch?key=watched`);
    this.#sockets.push(socket);
    await new Promise<void>((resolve, reject) => {
      socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
      socket.onmessage = ({ data }) => {
        const { type, next } = JSON.parse(String(data)) as { readonly type: string; readonly next?: string };
        if (type === "ready") resolve();
        if (type !== "events") return;
        socket.send(JSON.stringify({ type: "ack", next }));
        this.#missing -= 1;
        if (this.#missing === 0) this.#all();
      };
    });
  }

  /** @returns settles when every socket has been told once more. */
  async told(): Promise<void> {
    this.#missing = this.#sockets.length;
    return new Promise((resolve) => {
      this.#all = resolve;
    });
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }
}

export async function watchers({ start, quick }: Ground): Promise<void> {
  const counts = quick ? [1, 20] : [1, 10, 100, 1_000];
  const synod = await start("watchers");
  const client = new Client(synod.url, "watchers");
  await client.put("watched");
  const audience = new Audience();
  const [puts, told, resident]: [number[], number[], number[]] = [[], [], []];
  for (const count of counts) {
    await audience.grow(synod, client.namespace, count);
    const [acknowledged, all]: [number[], number[]] = [[], []];
    await inTurn(quick ? 5 : 20, async () => {
      const everybody = audience.told();
      all.push(
        await timed(async () => {
          acknowledged.push(await timed(async () => client.put("watched")));
          await everybody;
        }),
      );
    });
    puts.push(median(acknowledged));
    told.push(median(all));
    resident.push(residentMiB(synod));
  }
  audience.close();
  printTable([
    ["watchers", ...counts.map(String)],
    ["put acknowledged, ms (ratio)", ...ratios(puts)],
    ["the last one told, ms (ratio)", ...ratios(told)],
    ["resident memory, MiB", ...resident.map((n) => n.toFixed(0))],
  ]);
  await synod.single.stop();
}
