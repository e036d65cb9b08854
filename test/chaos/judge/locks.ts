/**
 * K1: tokens grow in real time; what is written under a lock is written in the order of tokens, never with one that was
 * released or followed by another; and a counter that is read and written under the lock loses nothing.
 */
import type { Recording } from "../recording.ts";
import { finding, type Finding } from "./finding.ts";

export function judgeLocks({ acquisitions, guarded }: Recording): readonly Finding[] {
  const written = guarded
    .flatMap((write) => (write.made === null ? [] : [{ ...write, ...write.made }]))
    .toSorted((a, b) => a.revision - b.revision);
  const counted = written
    .filter(({ value, version }) => value !== version)
    .map(({ client, value, version }) => `${client} counted to ${value} with the write number ${version}`);
  const grown = acquisitions.flatMap((one) =>
    acquisitions
      .filter((other) => other !== one && other.returnedAt < one.calledAt && other.token >= one.token)
      .map((other) => `${one.client} was given ${one.token}, after ${other.client} had been given ${other.token}`),
  );
  const followed = written.flatMap((write, i) => {
    const newest = Math.max(0, ...written.slice(0, i).map(({ token }) => token));
    const known = acquisitions.filter(({ returnedAt }) => returnedAt < write.calledAt);
    const later = known.find(({ token }) => token > write.token);
    return [
      ...(newest > write.token
        ? [`${write.client} wrote with ${write.token} at ${write.revision}, after ${newest}`]
        : []),
      ...(later === undefined ? [] : [`${write.client} wrote with ${write.token}; ${later.client} had ${later.token}`]),
    ];
  });
  return [
    finding("a counter under a lock loses nothing (K1)", written.length, counted),
    finding("a lock's tokens grow (K1)", acquisitions.length, grown),
    finding("no write with a token of the past (K1)", guarded.length, followed),
  ];
}

/** How often a region was killed that led, while somebody held the lock. */
export const leaderKillsUnderLock = ({ holds }: Pick<Recording, "holds">, kills: readonly number[]): number =>
  kills.filter((at) => holds.some(({ from, to }) => from <= at && at <= to)).length;
