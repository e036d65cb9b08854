/** How many pipelines a gateway holds: those that stand, and none that is gone. */
import { expect, it, vi } from "vitest";
import { limits } from "../../src/support/limits.ts";
import { isolateMemory } from "../../workers/gateway/memory.ts";
import { expectProblem, freshNamespace } from "./api.ts";
import { ClientEnd, upgrade } from "./sockets.ts";

const open = async (ns: string): Promise<Response> => upgrade(`${ns}/pipeline`);

/** @returns how to close it: settles once the other side has closed, too. */
function accepted(response: Response): () => Promise<void> {
  const { socket, closed } = new ClientEnd(response);
  return async () => {
    socket.close(1000, "done");
    await closed;
  };
}

it("a gateway holds so many pipelines, and another one for each that is gone", async () => {
  const most = isolateMemory.pipelines.open + 2;
  const limit = vi.spyOn(limits, "pipelines" as never, "get" as never);
  limit.mockReturnValue(most as never);
  const ns = freshNamespace();
  const [first, second] = [accepted(await open(ns)), accepted(await open(ns))];
  await expectProblem(await open(ns), 503, "overloaded");
  await first();
  const third = accepted(await open(ns));
  await expectProblem(await open(ns), 503, "overloaded");
  await second();
  await third();
  expect(isolateMemory.pipelines.open).toBe(most - 2);
  limit.mockRestore();
});
