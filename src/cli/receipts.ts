/**
 * `synod receipts`: collects a chain of signed receipts from several regions, and judges one: sound, broken, or a proof that
 * a clock broke its word.
 */
import { readFileSync } from "node:fs";
import { receiptHash, receiptKey, receiptKeys, verifyChain } from "../client/receipts.ts";
import type { ChainVerdict, ReceiptKey } from "../client/receipts.ts";
import { decodeReceipt } from "../time/receipt.ts";
import { CommandError, UsageError } from "./errors.ts";
import { readFlags, readUrl, tokenOf } from "./flags.ts";
import { askJson } from "./http.ts";
import { regionsOf } from "./regions.ts";

const help = `Signed receipts of the time, chained.

  synod receipts collect --from URL [--regions A,B,C] [--rounds N]
  synod receipts verify FILE [--key X | --from URL]

collect asks each region in turn, as often as --rounds says (2), each time signing the hash of the receipt before, and
prints the chain with its keys as JSON. Without --regions: those that /time/regions names.

verify reads such a file ("-" is standard input). Exit code 0: every receipt is signed and follows the one before, and no
two contradict each other. 3: two do, which proves that a clock was further off than it said. 1: the chain proves nothing.

  --key X     the public key, 32 bytes in base64url, as you have it from somebody you trust
  --from URL  take the keys from that deployment. Without both, those in the file are believed
  SYNOD_TOKEN the bearer token, if the deployment asks for one
`;

/** A proof was found. */
const contradictionCode = 3;

export async function receipts(args: readonly string[]): Promise<number> {
  const { help: wanted, values, words } = readFlags(["from", "regions", "rounds", "key"], args, 2);
  if (wanted) {
    process.stdout.write(help);
    return 0;
  }
  const [action, file] = words;
  if (action === "collect" && file === undefined && values.key === undefined) {
    await collect(readUrl("--from", values.from), values.regions, readRounds(values.rounds));
    return 0;
  }
  if (action === "verify" && file !== undefined && values.regions === undefined && values.rounds === undefined) {
    if (values.key !== undefined && values.from !== undefined) throw new UsageError("give --key or --from, not both");
    return verify(file, values.key, values.from === undefined ? undefined : readUrl("--from", values.from));
  }
  throw new UsageError("`synod receipts collect --from URL` or `synod receipts verify FILE` (see --help)");
}

function readRounds(text: string | undefined): number {
  if (text === undefined) return 2;
  if (!/^[1-9]\d?$/.test(text)) throw new UsageError(`--rounds must be a whole number from 1 to 99, not "${text}"`);
  return Number(text);
}

async function collect(from: string, named: string | undefined, rounds: number): Promise<void> {
  const token = tokenOf(process.env);
  const regions = named === undefined ? await regionsOf(from, token) : named.split(",");
  const keys = await askJson(`${from}/time/keys`, token);
  const chain: unknown[] = [];
  let previous = "";
  for (let at = 0; at < rounds * regions.length; at += 1) {
    const region = encodeURIComponent(regions[at % regions.length] ?? "");
    // The nonce is new, so the receipt cannot have been made before.
    const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("hex");
    const answer = await askJson(`${from}/time?region=${region}&nonce=${nonce}${previous}`, token);
    const value = typeof answer === "object" && answer !== null && "receipt" in answer ? answer.receipt : undefined;
    const receipt = decodeReceipt(value);
    if (receipt?.nonce !== nonce) throw new CommandError(`${from} sent no receipt for this question`);
    chain.push(value);
    previous = `&previous=${await receiptHash(receipt)}`;
  }
  const published = typeof keys === "object" && keys !== null ? keys : {};
  process.stdout.write(`${JSON.stringify({ ...published, receipts: chain }, undefined, 2)}\n`);
}

async function verify(file: string, key: string | undefined, from: string | undefined): Promise<number> {
  const { chain, set } = readChain(file);
  const keys = await trusted(key, from, set);
  const verdict = await verifyChain(chain, keys.list);
  process.stdout.write(`${told(verdict, keys.source)}\n`);
  if (verdict.type === "broken") return 1;
  return verdict.contradictions.length > 0 ? contradictionCode : 0;
}

function readChain(file: string): { readonly chain: readonly unknown[]; readonly set: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file === "-" ? 0 : file, "utf8"));
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}`);
  }
  const chain = typeof value === "object" && value !== null && "receipts" in value ? value.receipts : value;
  if (!Array.isArray(chain) || chain.length === 0) throw new CommandError(`${file} holds no receipts`);
  return { chain, set: value };
}

async function trusted(
  key: string | undefined,
  from: string | undefined,
  set: unknown,
): Promise<{ readonly list: readonly ReceiptKey[]; readonly source: string }> {
  if (key !== undefined) {
    const one = await receiptKey(key);
    if (one === null) throw new UsageError(`--key must be a public key of Ed25519: 32 bytes in base64url`);
    return { list: [one], source: "the key given" };
  }
  if (from !== undefined) {
    const list = await receiptKeys(await askJson(`${from}/time/keys`, tokenOf(process.env)));
    if (list === null) throw new CommandError(`${from}/time/keys is no set of keys`);
    return { list, source: `the keys of ${from}` };
  }
  return { list: (await receiptKeys(set)) ?? [], source: "the keys in the file, which are only believed" };
}

const reasons = {
  malformed: "it is not a receipt",
  "unknown-key": "no key is known under its id",
  signature: "its signature is wrong",
  link: "it does not sign the hash of the one before",
};

function told(verdict: ChainVerdict, source: string): string {
  if (verdict.type === "broken") return `broken: receipt ${verdict.at + 1}: ${reasons[verdict.why]} (by ${source})`;
  const { receipts: chain, contradictions } = verdict;
  const clock = (at: number): string => `receipt ${at + 1} (${chain[at]?.region ?? "the gateway"})`;
  const proofs = contradictions.map(
    ({ earlier, later, byMs }) =>
      `contradiction: ${clock(earlier)} and ${clock(later)} exclude each other by ${byMs} ms beyond their radii`,
  );
  const count = `${chain.length} receipts, signed and chained, by ${source}`;
  return proofs.length === 0 ? `sound: ${count}; no contradiction` : [...proofs, `proven: ${count}`].join("\n");
}
