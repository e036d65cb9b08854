/**
 * Two proposers, told message by message. The transcripts are rewritten only on purpose: whoever changes one says what
 * now happens differently, and why that is right.
 */
import { expect, test } from "vitest";
import { Transcript } from "./transcript.ts";

test("[P3] a half-chosen value is adopted, and its own proposer finds it chosen", () => {
  const t = new Transcript();
  t.begin("p1", 1, "apple");
  t.exchange("p1", "a", "b");
  t.exchange("p1", "a");
  t.note("p1 stalls with one vote of three; p2 comes with a value of its own");
  t.begin("p2", 1, "pear");
  t.exchange("p2", "c", "a");
  t.exchange("p2", "c", "b");
  t.note("p1 wakes up");
  t.exchange("p1", "b", "c");
  t.begin("p1", 2, "apple");
  t.exchange("p1", "c", "a");
  t.exchange("p1", "c", "a");
  expect(t.text()).toMatchInlineSnapshot();
});

test("[P1] [P2] two proposers refuse each other until one is left alone", () => {
  const t = new Transcript();
  t.begin("p1", 1, "apple");
  t.exchange("p1", "a", "b");
  t.begin("p2", 2, "pear");
  t.exchange("p2", "a", "b");
  t.note("what p1 sends now comes too late");
  t.exchange("p1", "a", "b");
  t.begin("p1", 3, "apple");
  t.exchange("p1", "a", "b");
  t.note("and so does what p2 sends; then p2 waits");
  t.exchange("p2", "a", "b");
  t.exchange("p1", "a", "b");
  expect(t.text()).toMatchInlineSnapshot();
});

test("[C2] who asks without a value completes a choice that nobody had learned", () => {
  const t = new Transcript();
  t.begin("p1", 1, "apple");
  t.exchange("p1", "a", "b");
  t.exchange("p1", "b");
  t.note("p1 is gone for good");
  t.begin("reader", 2, null);
  t.exchange("reader", "a", "b");
  t.exchange("reader", "a", "c");
  expect(t.text()).toMatchInlineSnapshot();
});
