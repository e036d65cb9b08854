/** The Consul door's registry as its clients see it, for tests in the runtime. */
import { expect } from "vitest";
import { freshNamespace, get, send } from "./api.ts";

export type Json = Readonly<Record<string, unknown>>;

/** One namespace's `/v1`. */
export class Consul {
  readonly at: string;

  constructor(namespace: string = freshNamespace()) {
    this.at = `${namespace}/v1`;
  }

  async put(path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    return send("PUT", `${this.at}/${path}`, text === undefined ? { headers } : { body: text, headers });
  }

  /** @returns what was said, of a call that must succeed. */
  async done(path: string, body?: unknown): Promise<string> {
    const response = await this.put(path, body);
    const said = await response.text();
    expect({ path, status: response.status, said }).toMatchObject({ status: 200 });
    return said;
  }

  async get(path: string): Promise<Response> {
    return get(`${this.at}/${path}`);
  }

  async json<Shape = readonly Json[]>(path: string): Promise<Shape> {
    const response = await this.get(path);
    const said = await response.text();
    expect({ path, status: response.status, said }).toMatchObject({ status: 200 });
    return JSON.parse(said) as Shape;
  }

  /** What there is and its index. */
  async indexed<Shape = readonly Json[]>(path: string): Promise<{ readonly index: number; readonly body: Shape }> {
    const response = await this.get(path);
    expect(response.status).toBe(200);
    return { index: Number(response.headers.get("x-consul-index")), body: await response.json() };
  }

  /** An answer to a call that must fail. */
  async refused(response: Promise<Response>): Promise<readonly [number, string]> {
    const { status, headers } = await response;
    expect(headers.get("content-type")).toBe("text/plain; charset=utf-8");
    return [status, await (await response).text()];
  }

  async refusedPut(path: string, body?: unknown): Promise<readonly [number, string]> {
    return this.refused(this.put(path, body));
  }

  async refusedGet(path: string): Promise<readonly [number, string]> {
    return this.refused(this.get(path));
  }
}

/** The `member` of each. */
export const pluck = (all: readonly Json[], member: string): readonly unknown[] => all.map((one) => one[member]);
