/**
 * Five regions and the round trips between them, for `npm run bench:wan`; `matrix.json` is also what `npm run cluster --
 * --rtt` reads. Measured, not made up: mean round trips of ping between virtual machines in five AWS regions on
 * 2021-02-13, published with fantoch, the evaluation framework of the consensus protocols Atlas and Tempo
 * (github.com/vitorenesduarte/fantoch, folder `latency_aws/2021_02_13`, commit 27486bad), rounded to 0.1 ms. The two
 * directions of a pair were measured apart and differ by less than 0.1 ms. The regions that stand in for the platform's
 * location hints: us-west-1 (N. California) for wnam, ca-central-1 (Montreal) for enam, eu-west-1 (Ireland) for weur,
 * ap-southeast-1 (Singapore) for apac-se, sa-east-1 (São Paulo) for sam.
 */
import { readFileSync } from "node:fs";
import { checkRoundTrips, parseRoundTrips, type RoundTrips } from "../../scripts/links/round-trips.ts";

export const wanRegions = ["wnam", "enam", "weur", "apac-se", "sam"] as const;

const file = new URL("matrix.json", import.meta.url);

/** As a cluster's launcher takes it. */
export const wanTable: Readonly<Record<string, unknown>> = parseRoundTrips(readFileSync(file, "utf8"), "matrix.json");

export const wanRoundTrips: RoundTrips = checkRoundTrips(wanTable, wanRegions);
