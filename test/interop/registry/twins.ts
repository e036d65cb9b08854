/**
 * Doors that err on purpose: a Synod behind a proxy that changes one thing. Each names the client that must notice, so that
 * clients which notice nothing are themselves noticed. `npm run interop:registry -- --twins`.
 */
import { createServer, request } from "node:http";
import { served } from "../../support/served.ts";
import type { Served } from "../../support/served.ts";

interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly body: Buffer;
}

/** What is asked instead, or what is answered without asking. */
type Mistake = (asked: Asked) => Asked | string;

export interface Twin {
  readonly name: string;
  readonly wrong: string;
  /** The part that must see it. */
  readonly client: string;
  readonly mistake: Mistake;
}

/** Does not pass a parameter on. */
const without =
  (name: string): Mistake =>
  (asked) => {
    const url = new URL(asked.url);
    url.searchParams.delete(name);
    return { ...asked, url };
  };

/** Says that it was done, and does nothing. */
const undone =
  (what: RegExp): Mistake =>
  (asked) =>
    what.test(`${asked.method} ${asked.url.pathname}`) ? "true" : asked;

const weightless: Mistake = (asked) => {
  if (!asked.url.pathname.startsWith("/services/")) return asked;
  return { ...asked, body: Buffer.from(asked.body.toString().replace(/,"weights":\{[^}]*\}/, "")) };
};

const twin = (name: string, client: string, wrong: string, mistake: Mistake): Twin => ({
  name,
  client,
  wrong,
  mistake,
});

export const twins: readonly Twin[] = [
  twin("believes-any-cas", "npm consul", "a condition on the index is ignored", without("cas")),
  twin("gives-a-lock-to-all", "npm consul", "what a session asks for is written without a lock", without("acquire")),
  twin("keeps-keys-that-were-deleted", "python3-consul", "a deletion is not carried out", undone(/^DELETE \/v1\/kv/)),
  twin("answers-who-is-ill", "python3-consul", "passing is ignored", without("passing")),
  twin("never-waits", "python3-consul", "a wait for a change is answered at once", without("index")),
  twin("ignores-tags", "prometheus", "a tag that is asked for is ignored", without("tag")),
  twin("keeps-who-left", "prometheus", "who was removed stays", undone(/^DELETE \/services/)),
  twin("ignores-maintenance", "dig", "maintenance is not carried out", undone(/service\/maintenance/)),
  twin("loses-weights", "haproxy", "all weigh the same", weightless),
  twin("keeps-who-left-too", "haproxy", "who was removed stays", undone(/^DELETE \/services/)),
];

export const twinNamed = (name: string | undefined): Twin | undefined => twins.find((one) => one.name === name);

/** Stands before `upstream` and makes the mistake. */
export async function startTwin({ mistake }: Twin, upstream: string): Promise<Served> {
  const server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.on("end", () => {
      const { method = "GET", url = "/", headers } = incoming;
      const changed = mistake({ method, url: new URL(url, upstream), body: Buffer.concat(parts) });
      if (typeof changed === "string") return void outgoing.setHeader("content-type", "application/json").end(changed);
      const length = { "content-length": changed.body.length };
      const forwarded = request(changed.url, { method, headers: { ...headers, ...length } }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      forwarded.on("error", () => outgoing.destroy());
      outgoing.on("close", () => forwarded.destroy());
      forwarded.end(changed.body);
    });
  });
  return served(server);
}
