/**
 * What this machine adds to distance, whoever is measured: how late the delays are, and how long the runtime takes for an
 * answer with nothing behind it when it had some 100 ms to grow cold, as between two messages of a far quorum. Printed by
 * `npm run bench:wan` beside its figures, and never taken off them.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Direction } from "../../scripts/links/direction.ts";
import { Link } from "../../scripts/links/link.ts";
import { Probe, percentile } from "./probe.ts";

const count = 40;
const distanceMs = 100;

/** A bare HTTP server at a distance of 100 ms: what its median answer takes beyond that. */
async function lateness(): Promise<number> {
  const server = createServer((_, response) => response.end("ok")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const targetPort = (server.address() as AddressInfo).port;
  const direction = (): Direction => new Direction("", "", distanceMs / 2);
  const link = await Link.listen({ there: direction(), back: direction(), targetPort: () => targetPort });
  const probe = new Probe();
  try {
    const times = await probe.times(count, () => ({ method: "GET", url: `http://127.0.0.1:${link.port}/` }));
    return percentile(times, 0.5) - distanceMs;
  } finally {
    probe.close();
    link.close();
    server.close();
  }
}

/** The median of an answer that asks no object, at a gateway here. */
async function emptyAnswer(gateway: string, pauseMs: number): Promise<number> {
  const probe = new Probe();
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    times.push(await probe.time({ method: "GET", url: `${gateway}/time` }));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  probe.close();
  return percentile(times, 0.5);
}

export async function describeMachine(gateway: string): Promise<string> {
  const [late, warm, cold] = [await lateness(), await emptyAnswer(gateway, 0), await emptyAnswer(gateway, distanceMs)];
  return `This machine's own part, in no figure taken off: an answer of a bare server 100 ms away comes ${late.toFixed(1)} ms late;
the runtime's emptiest answer (GET /time, no object) takes ${warm.toFixed(1)} ms, and ${cold.toFixed(1)} ms after pauses of 100 ms.\n`;
}
