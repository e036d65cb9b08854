/** The proxies between regions: each direction has its own delay and its own cut, and nothing is reset by a cut. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pipeLimitBytes } from "../../../scripts/links/pipe.ts";
import { Network } from "../../../scripts/links/network.ts";

/** Long against the noise of a busy machine, short against patience. */
const delayMs = 150;
/** Long enough to believe that nothing will come. */
const silenceMs = 250;

let echo: Server;
let network: Network;
let doorPort: number;
const received: Buffer[] = [];
const sockets = new Set<Socket>();

const port = (server: Server): number => (server.address() as AddressInfo).port;

function open(from: string, to: string): Socket {
  const [host, target] = network.address(from, to).split(":");
  const socket = connect({ host: String(host), port: Number(target), noDelay: true });
  socket.on("error", () => undefined);
  sockets.add(socket);
  return socket;
}

/** Sends one word and measures how long it takes to come back. */
async function roundTripMs(socket: Socket): Promise<number> {
  const start = performance.now();
  socket.write("ping");
  await once(socket, "data");
  return performance.now() - start;
}

beforeEach(async () => {
  received.length = 0;
  echo = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      received.push(bytes);
      socket.write(bytes);
    });
  }).listen(0, "127.0.0.1");
  await once(echo, "listening");
  doorPort = port(echo);
  network = await Network.open(["wnam", "enam"], new Map(), () => doorPort);
});

afterEach(() => {
  network.close();
  echo.close();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});

describe("delay", () => {
  it("is spent once on the way there", async () => {
    network.change("wnam", "enam", { delayMs });
    const socket = open("wnam", "enam");
    const start = performance.now();
    socket.write("x");
    await expect.poll(() => received.length).toBe(1);
    expect(performance.now() - start).toBeGreaterThanOrEqual(delayMs - 2);
    expect(await roundTripMs(socket)).toBeLessThan(2 * delayMs);
  });

  it("is spent once on the way back", async () => {
    network.change("enam", "wnam", { delayMs });
    const socket = open("wnam", "enam");
    const passed = await roundTripMs(socket);
    expect(passed).toBeGreaterThanOrEqual(delayMs - 2);
    expect(passed).toBeLessThan(2 * delayMs);
  });

  it("holds for what the other region opens, in the same direction", async () => {
    network.change("wnam", "enam", { delayMs });
    // Opened by enam: its answers travel from wnam to enam.
    const passed = await roundTripMs(open("enam", "wnam"));
    expect(passed).toBeGreaterThanOrEqual(delayMs - 2);
    expect(passed).toBeLessThan(2 * delayMs);
  });

  it("does not limit throughput: many chunks are on their way at once", async () => {
    network.change("wnam", "enam", { delayMs });
    const socket = open("wnam", "enam");
    const start = performance.now();
    const chunks = 40;
    for (let index = 0; index < chunks; index += 1) {
      socket.write("x");
      await sleep(2);
    }
    await expect.poll(() => Buffer.concat(received).length).toBe(chunks);
    expect(performance.now() - start).toBeLessThan(chunks * delayMs);
  });

  it("keeps the order when it shrinks", async () => {
    network.change("wnam", "enam", { delayMs });
    const socket = open("wnam", "enam");
    socket.write("first ");
    await sleep(30);
    network.change("wnam", "enam", { delayMs: 0 });
    socket.write("second");
    await expect.poll(() => Buffer.concat(received).toString()).toBe("first second");
  });
});

describe("cut", () => {
  it("holds what is sent, and delivers it when healed", async () => {
    const socket = open("wnam", "enam");
    await roundTripMs(socket);
    network.change("wnam", "enam", { cut: true });
    socket.write("held");
    await sleep(silenceMs);
    expect(Buffer.concat(received).toString()).toBe("ping");
    const answer = once(socket, "data");
    network.heal();
    expect(String((await answer)[0])).toBe("held");
    expect(socket.destroyed).toBe(false);
  });

  it("of the way back lets requests through and holds the answers", async () => {
    network.change("enam", "wnam", { cut: true });
    const socket = open("wnam", "enam");
    let answered = false;
    socket.on("data", () => (answered = true));
    socket.write("applied");
    await expect.poll(() => Buffer.concat(received).toString()).toBe("applied");
    await sleep(silenceMs);
    expect(answered).toBe(false);
    network.change("enam", "wnam", { cut: false });
    await expect.poll(() => answered).toBe(true);
  });

  it("holds new connections too", async () => {
    network.change("wnam", "enam", { cut: true });
    const socket = open("wnam", "enam");
    const answer = roundTripMs(socket);
    await sleep(silenceMs);
    expect(received).toHaveLength(0);
    network.heal();
    expect(await answer).toBeGreaterThanOrEqual(silenceMs);
  });

  it("hides that a connection has ended or broken", async () => {
    const socket = open("wnam", "enam");
    await roundTripMs(socket);
    network.change("enam", "wnam", { cut: true });
    for (const other of sockets) if (other !== socket) other.resetAndDestroy();
    await sleep(silenceMs);
    expect(socket.destroyed).toBe(false);
    network.heal();
    await once(socket, "close");
  });

  it("stops a sender that would fill the memory", async () => {
    network.change("wnam", "enam", { cut: true });
    const socket = open("wnam", "enam");
    const block = Buffer.alloc(1024 * 1024);
    const blocks = (4 * pipeLimitBytes) / block.length;
    for (let index = 0; index < blocks; index += 1) socket.write(block);
    await sleep(silenceMs);
    // What has left this side: the pipe's limit, and what the kernel keeps in its own buffers.
    expect(socket.bytesWritten - socket.writableLength).toBeLessThan(blocks * block.length);
    expect(socket.writableLength).toBeGreaterThan(0);
    socket.resume();
    network.heal();
    const arrived = (): number => received.reduce((sum, bytes) => sum + bytes.length, 0);
    await expect.poll(arrived, { timeout: 10_000 }).toBe(blocks * block.length);
  });
});

describe("a dead region", () => {
  it("is seen at once when it refuses connections", async () => {
    echo.close();
    const socket = open("wnam", "enam");
    const start = performance.now();
    await once(socket, "close");
    expect(performance.now() - start).toBeLessThan(silenceMs);
  });

  it("is reached again on another port", async () => {
    const other = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
    await once(other, "listening");
    doorPort = port(other);
    expect(await roundTripMs(open("wnam", "enam"))).toBeLessThan(silenceMs);
    other.close();
  });
});
