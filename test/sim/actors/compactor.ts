/** Somebody who compacts history now and then: to a revision of a little while ago, sometimes to one too low or too high (V3). */
import { revision } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { userKey } from "../../../src/store/key-space.ts";
import type { Desk } from "./desk.ts";

export class Compactor {
  constructor(desk: Desk) {
    if (desk.world.chance(0.7)) desk.begin(async () => live(desk));
  }
}

async function live(desk: Desk): Promise<void> {
  const { world } = desk;
  const name = "compactor";
  while (desk.running) {
    await desk.pause(world.between(1_000, 6_000));
    const read = await desk.read(name, { type: "get", key: userKey(utf8("k0")) }, "entry");
    if (read === null) continue;
    const at = read.revision - Math.floor(world.pick([-3, 0, 2, 8, 20, 60]) * world.random.next());
    if (at >= 1) await desk.write(name, { type: "compact", revision: revision(at) });
  }
}
