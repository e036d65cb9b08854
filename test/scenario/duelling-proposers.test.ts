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
  expect(t.text()).toMatchInlineSnapshot(`
    "# p1 begins ballot 1.p1 with apple
    p1 -> a  prepare 1.p1
    a -> p1  promise 1.p1, voted nothing
    p1 -> b  prepare 1.p1
    b -> p1  promise 1.p1, voted nothing
    p1 -> a  accept 1.p1 apple
    a -> p1  accepted 1.p1
    # p1 stalls with one vote of three; p2 comes with a value of its own
    # p2 begins ballot 1.p2 with pear
    p2 -> c  prepare 1.p2
    c -> p2  promise 1.p2, voted nothing
    p2 -> a  prepare 1.p2
    a -> p2  promise 1.p2, voted apple under 1.p1
    p2 -> c  accept 1.p2 apple
    c -> p2  accepted 1.p2
    p2 -> b  accept 1.p2 apple
    b -> p2  accepted 1.p2
    = p2: chosen apple
    # p1 wakes up
    p1 -> b  accept 1.p1 apple
    b -> p1  outranked by 1.p2
    p1 -> c  accept 1.p1 apple
    c -> p1  outranked by 1.p2
    = p1: refused by 1.p2
    # p1 begins ballot 2.p1 with apple
    p1 -> c  prepare 2.p1
    c -> p1  promise 2.p1, voted apple under 1.p2
    p1 -> a  prepare 2.p1
    a -> p1  promise 2.p1, voted apple under 1.p1
    p1 -> c  accept 2.p1 apple
    c -> p1  accepted 2.p1
    p1 -> a  accept 2.p1 apple
    a -> p1  accepted 2.p1
    = p1: chosen apple"
  `);
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
  expect(t.text()).toMatchInlineSnapshot(`
    "# p1 begins ballot 1.p1 with apple
    p1 -> a  prepare 1.p1
    a -> p1  promise 1.p1, voted nothing
    p1 -> b  prepare 1.p1
    b -> p1  promise 1.p1, voted nothing
    # p2 begins ballot 2.p2 with pear
    p2 -> a  prepare 2.p2
    a -> p2  promise 2.p2, voted nothing
    p2 -> b  prepare 2.p2
    b -> p2  promise 2.p2, voted nothing
    # what p1 sends now comes too late
    p1 -> a  accept 1.p1 apple
    a -> p1  outranked by 2.p2
    p1 -> b  accept 1.p1 apple
    b -> p1  outranked by 2.p2
    = p1: refused by 2.p2
    # p1 begins ballot 3.p1 with apple
    p1 -> a  prepare 3.p1
    a -> p1  promise 3.p1, voted nothing
    p1 -> b  prepare 3.p1
    b -> p1  promise 3.p1, voted nothing
    # and so does what p2 sends; then p2 waits
    p2 -> a  accept 2.p2 pear
    a -> p2  outranked by 3.p1
    p2 -> b  accept 2.p2 pear
    b -> p2  outranked by 3.p1
    = p2: refused by 3.p1
    p1 -> a  accept 3.p1 apple
    a -> p1  accepted 3.p1
    p1 -> b  accept 3.p1 apple
    b -> p1  accepted 3.p1
    = p1: chosen apple"
  `);
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
  expect(t.text()).toMatchInlineSnapshot(`
    "# p1 begins ballot 1.p1 with apple
    p1 -> a  prepare 1.p1
    a -> p1  promise 1.p1, voted nothing
    p1 -> b  prepare 1.p1
    b -> p1  promise 1.p1, voted nothing
    p1 -> b  accept 1.p1 apple
    b -> p1  accepted 1.p1
    # p1 is gone for good
    # reader begins ballot 2.reader
    reader -> a  prepare 2.reader
    a -> reader  promise 2.reader, voted nothing
    reader -> b  prepare 2.reader
    b -> reader  promise 2.reader, voted apple under 1.p1
    reader -> a  accept 2.reader apple
    a -> reader  accepted 2.reader
    reader -> c  accept 2.reader apple
    c -> reader  accepted 2.reader
    = reader: chosen apple"
  `);
});
