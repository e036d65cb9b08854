/**
 * DNS over HTTPS as clients do it, with HTTP/2 and TLS: `kdig +https`, `dig +https`, and `curl --doh-url`, which then fetches
 * from the instance that it found. TLS ends in haproxy, with a certificate of a CA made for the occasion: nobody is told to
 * look away.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../etcd/servers.ts";
import { parsed } from "./dig.ts";
import { run } from "./programs.ts";
import { register } from "./stage.ts";
import type { Backend, Setting, Stage } from "./stage.ts";
import { textsOf } from "./tally.ts";
import type { Tally } from "./tally.ts";

interface Front {
  readonly port: number;
  /** A file with the CA's certificate. */
  readonly ca: string;
}

const host = "doh.synod.test";

/** One for all that use it. */
const fronts = new WeakMap<Stage, Promise<Front>>();

async function frontOf(stage: Stage): Promise<Front> {
  const known = fronts.get(stage) ?? startFront(stage);
  fronts.set(stage, known);
  return known;
}

async function startFront(stage: Stage): Promise<Front> {
  const file = (name: string): string => join(stage.directory, name);
  const openssl = async (...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await run("openssl", args);
    if (code !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const usage = ["-addext", "keyUsage=critical,keyCertSign"];
  await openssl(
    "req",
    "-x509",
    ...key,
    "-days",
    "2",
    "-subj",
    "/CN=CA of a test",
    ...usage,
    "-keyout",
    file("ca.key"),
    "-out",
    file("ca.pem"),
  );
  await openssl("req", ...key, "-subj", `/CN=${host}`, "-keyout", file("front.pem.key"), "-out", file("front.csr"));
  writeFileSync(file("front.ext"), `subjectAltName=DNS:${host},IP:127.0.0.1\n`);
  const signed = ["-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial", "-days", "2"];
  await openssl(
    "x509",
    "-req",
    "-in",
    file("front.csr"),
    ...signed,
    "-extfile",
    file("front.ext"),
    "-out",
    file("front.pem"),
  );
  const port = await freePort();
  writeFileSync(
    file("front.cfg"),
    `defaults
  mode http
  timeout connect 2s
  timeout client 10s
  timeout server 10s
listen doh
  bind 127.0.0.1:${port} ssl crt ${file("front.pem")} alpn h2,http/1.1
  server synod ${new URL(stage.url).host}
`,
  );
  const front = stage.runs("haproxy", ["-db", "-f", file("front.cfg")]);
  for (const end = Date.now() + 10_000; ;) {
    const { code } = await run("curl", [
      "-sS",
      "--cacert",
      file("ca.pem"),
      "-o",
      "/dev/null",
      `https://127.0.0.1:${port}/health`,
    ]);
    if (code === 0) return { port, ca: file("ca.pem") };
    if (Date.now() > end) throw new Error(`no TLS front: ${front.said()}`);
  }
}

const record = (data: string | RegExp): readonly unknown[] => [/./, /./, "IN", /./, data];

export async function kdig(tally: Tally, { stage }: Setting): Promise<void> {
  const { port, ca } = await frontOf(stage);
  await register(stage.url, "kdig-web", "kdig-1", { address: "10.7.0.1", port: 8080, tags: ["v1"] });
  await register(stage.url, "kdig-web", "kdig-2", { address: "10.7.0.2", port: 8080 });
  const ask = async (method: string, ...args: readonly string[]) =>
    tally.does(async () => {
      const tls = [`+tls-ca=${ca}`, `+tls-hostname=${host}`];
      const ran = await run("kdig", [
        "@127.0.0.1",
        "-p",
        String(port),
        "+https=/dns-query",
        method,
        ...tls,
        "+retry=0",
        "+time=5",
        ...args,
      ]);
      return { ...parsed(ran.code, ran.stdout), warned: ran.stderr + ran.stdout };
    });
  for (const method of ["+https", "+https-get"]) {
    const name = "kdig-web.service.synod";
    const addresses = async (): Promise<readonly string[]> =>
      textsOf((await ask(method, name, "A")).answer.map((one) => one[4]));
    await tally.comes(`${method} A`, addresses, ["10.7.0.1", "10.7.0.2"], 200);
    const a = await ask(method, name, "A");
    tally.like(
      `${method} by HTTP/2 and TLS`,
      a.warned,
      /TLS session \(TLS1\.[23]\).*\n;; HTTP session \(HTTP\/2-(POST|GET)\)/,
    );
    tally.like(`${method}'s code`, a, { status: "NOERROR", flags: ["qr", "aa", "rd"] });
    const srv = await ask(method, "v1.kdig-web.service.synod", "SRV");
    tally.like(`${method} SRV`, srv, {
      answer: [record("1 1 8080 0a070001.addr.synod.")],
      additional: [record("10.7.0.1")],
    });
    tally.like(`${method} TXT`, await ask(method, "v1.kdig-web.service.synod", "TXT"), {
      answer: [record(/"instance=kdig-1"/)],
    });
    tally.like(`${method} ANY`, (await ask(method, name, "ANY")).answer.length > 3, true);
    tally.like(`${method} NXDOMAIN`, await ask(method, "kdig-nobody.service.synod", "A"), {
      status: "NXDOMAIN",
      authority: [record(/./)],
    });
    tally.like(`${method} NODATA`, await ask(method, name, "AAAA"), {
      status: "NOERROR",
      answer: [],
      authority: [record(/./)],
    });
    tally.like(`${method} of another zone`, await ask(method, "example.com", "A"), { status: "REFUSED" });
    tally.like(`${method} with DO and padding`, await ask(method, name, "A", "+dnssec", "+padding=128"), {
      status: "NOERROR",
    });
    const stranger = await ask(method, name, "A", "+tls-hostname=other.test");
    tally.like(`${method} checks the certificate`, stranger, { status: "none" });
  }
}

export async function digHttps(tally: Tally, { stage }: Setting): Promise<void> {
  const { port, ca } = await frontOf(stage);
  await register(stage.url, "doh-web", "doh-1", { address: "10.7.1.1", port: 8080 });
  for (const method of ["+https", "+https-get"]) {
    const ask = async (...args: readonly string[]) =>
      tally.does(async () => {
        const tls = [`+tls-ca=${ca}`, `+tls-hostname=${host}`];
        const ran = await run("dig", [
          "@127.0.0.1",
          "-p",
          String(port),
          method,
          ...tls,
          "+tries=1",
          "+time=5",
          ...args,
        ]);
        return parsed(ran.code, ran.stdout);
      });
    const a = await tally.comes(
      `${method} A`,
      async () => ask("doh-web.service.synod", "A"),
      { answer: [record("10.7.1.1")] },
      200,
    );
    tally.like(`${method}'s transport`, a, { status: "NOERROR", text: /SERVER: .*HTTPS/ });
    tally.like(`${method} SRV`, await ask("_doh-web._tcp.service.synod", "SRV"), { answer: [record(/8080 0a070101/)] });
    tally.like(`${method} NXDOMAIN`, await ask("doh-nobody.service.synod", "A"), { status: "NXDOMAIN" });
  }
}

export async function curl(tally: Tally, { stage }: Setting): Promise<void> {
  const { port, ca } = await frontOf(stage);
  const [a, b] = (await stage.backendsAtOnePort(["curl-a", "curl-b"])) as unknown as [Backend, Backend];
  for (const { name, ...place } of [a, b])
    await register(stage.url, "curl-web", name, { address: place.address, port: place.port, tags: [name] });
  const fetched = async (name: string, at: number, ...args: readonly string[]): Promise<readonly unknown[]> =>
    tally.does(async () => {
      const doh = ["--cacert", ca, "--doh-url", `https://127.0.0.1:${port}/dns-query`];
      const { code, stdout } = await run("curl", ["-sS", "--max-time", "10", ...doh, ...args, `http://${name}:${at}/`]);
      return [code, stdout.trim()];
    });
  const [one, other] = ["curl-a.curl-web.service.synod", "curl-b.curl-web.service.consul"];
  await tally.comes("the instance with a tag", async () => fetched(one, a.port), [0, "curl-a"], 200);
  await tally.comes("the other, in the other zone", async () => fetched(other, b.port), [0, "curl-b"], 200);
  const seen = new Set<string>();
  for (let i = 0; i < 40 && seen.size < 2; i += 1) {
    const [code, name] = await fetched("curl-web.service.synod", a.port, "-4");
    tally.like("any of them", [code, /^curl-[ab]$/.test(String(name))], [0, true]);
    seen.add(String(name));
  }
  tally.like("each in its turn", seen.size, 2);
  tally.like("a target of SRV", await fetched("7f00000b.addr.synod", a.port), [0, "curl-a"]);
  tally.like("nobody", await fetched("curl-nobody.service.synod", a.port), [6, ""]);
  const plain = ["-sS", "--cacert", ca, "-o", "-", "-H", "accept: application/dns-json"];
  const json = await tally.does(async () =>
    run("curl", [...plain, `https://127.0.0.1:${port}/dns-query?name=${one}&type=SRV`]),
  );
  tally.like("JSON", JSON.parse(json.stdout), {
    Status: 0,
    Answer: [{ type: 33, data: `1 1 ${a.port} 7f00000b.addr.synod.` }],
  });
  await tally.does(async () => {
    const strange = await run("curl", [
      "-sS",
      "--doh-url",
      `https://127.0.0.1:${port}/dns-query`,
      `http://${one}:${a.port}/`,
    ]);
    tally.like("curl checks the certificate", strange.code, 6);
  });
}
