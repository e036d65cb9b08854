/** One namespace of a local Synod as its measured client sees it: short calls, any refusal is an error. */

export class Client {
  readonly namespace: string;
  readonly #base: string;

  constructor(url: string, namespace: string) {
    this.namespace = namespace;
    this.#base = `${url}/ns/${namespace}`;
  }

  /** @throws {Error} for any answer but a success and those allowed: a fast refusal is no measurement. */
  async ask(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) {
    const isText = body === undefined || typeof body === "string";
    const response = await fetch(this.#base + path, {
      method,
      headers: isText ? headers : { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
    return text;
  }

  async put(key: string, value = "x", headers: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.ask("PUT", `/kv/${key}`, value, headers);
  }

  async get(key: string, query = ""): Promise<void> {
    await this.ask("GET", `/kv/${key}${query}`);
  }

  /** Puts of one `/batch`. @throws {Error} also when a single one was refused. */
  async batch(keys: readonly string[], value = "x"): Promise<void> {
    const operations = keys.map((key) => ({ put: { key, value } }));
    const answer = JSON.parse(await this.ask("POST", "/batch", { operations })) as {
      readonly results: readonly { readonly status: number }[];
    };
    const refused = answer.results.find(({ status }) => status >= 300);
    if (refused !== undefined) throw new Error(`a put of a batch: ${JSON.stringify(refused)}`);
  }
}

/** `count` names, from one number on. */
export const keysFrom = (first: number, count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `key-${first + n}`);

export async function inTurn(times: number, work: (at: number) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < times; at += 1) await work(at);
}

export async function together(times: number, work: (at: number) => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: times }, async (_, at) => work(at)));
}
