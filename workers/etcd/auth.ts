/**
 * The service `Auth`, as etcd answers with authentication off and neither users nor roles. Who may come in is the
 * gateway's business: the deployment's token.
 */
import { allOf } from "../../src/store/ranges.ts";
import { userKey } from "../../src/store/key-space.ts";
import { header } from "./answers.ts";
import type { Call } from "./calls.ts";
import { EtcdError, failing } from "./errors.ts";
import { readRange } from "./kv.ts";
import type { Message } from "./message.ts";

const refusing = (text: string) => async (): Promise<object> => {
  throw new EtcdError(9, `etcdserver: ${text}`);
};

/** Would make one, had it a name. */
const adding =
  (what: "user" | "role") =>
  async (_: Call, from: Message): Promise<object> => {
    if (from.text("name") === "") throw new EtcdError(3, `etcdserver: ${what} name is empty`);
    throw failing.unsupported(`adding a ${what}`);
  };

async function nothing({ visit }: Call): Promise<object> {
  const query = { ...allOf({ key: userKey(new Uint8Array([0])), end: null }), countOnly: true };
  const { revision: at, region } = await readRange(visit, { type: "local", maxAgeMs: null }, query);
  return { header: header(visit, region, at) };
}

const noUser = refusing("user name not found");
const noRole = refusing("role name not found");

export const auth = {
  authenticate: refusing("authentication is not enabled"),
  enable: refusing("root user does not exist"),
  disable: nothing,
  "user/list": nothing,
  "role/list": nothing,
  "user/add": adding("user"),
  "role/add": adding("role"),
  "user/get": noUser,
  "user/delete": noUser,
  "user/changepw": noUser,
  "user/grant": noUser,
  "user/revoke": noUser,
  "role/get": noRole,
  "role/delete": noRole,
  "role/grant": noRole,
  "role/revoke": noRole,
} as const;
