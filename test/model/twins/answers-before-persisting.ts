/**
 * Broken: a promise leaves first and its write follows; a crash in between loses the write. Violates D1: the acceptor
 * restarts without the promise that others already count on.
 */
import { twin } from "./twin.ts";

export const answersBeforePersisting = twin("answers before persisting", "D1", "A1-A3 no promise goes down", {
  persistsFirst: (request) => request.type === "accept",
});
