/** Requests to a kernel: their order, and what a failure drops. */
import assert from "node:assert/strict";
import { Queue, type Request } from "../../src/lab/queue.ts";

/** A queue, and what has become of its requests so far. */
function newQueue() {
  const queue = new Queue();
  const log: string[] = [];
  const add = (id: string, more: Partial<Request> = {}) =>
    queue.add({
      id,
      isCell: true,
      stopsOthers: true,
      send: () => void log.push(id),
      refuse: (reason) => void log.push(`${id}: ${reason}`),
      ...more,
    });
  return { queue, log, add };
}
const FAILED = "a cell before it failed";

Deno.test("a cell waits for the answer to the one before it, everything else for its turn", () => {
  const { queue, log, add } = newQueue();
  add("info", { isCell: false });
  add("a");
  add("complete", { isCell: false });
  add("b");
  assert.deepEqual(log, ["info", "a"]);
  queue.answered("info", true);
  queue.answered("complete", true);
  queue.answered("b", true);
  assert.deepEqual(log, ["info", "a"], "answers to other requests end nothing");
  queue.answered("a", false);
  assert.deepEqual(log, ["info", "a", "complete", "b"]);
});

Deno.test("a failure drops the cells that wait, and nothing else", () => {
  const { queue, log, add } = newQueue();
  ["a", "b"].forEach((id) => add(id));
  add("info", { isCell: false });
  add("c");
  assert.equal(queue.stopsOthers("a"), true);
  assert.equal(queue.stopsOthers("b"), false, "it does not run");
  queue.answered("a", true);
  add("d");
  assert.deepEqual(log, ["a", `b: ${FAILED}`, `c: ${FAILED}`, "info", "d"]);
});

Deno.test("a cell that may fail drops nothing", () => {
  const { queue, log, add } = newQueue();
  add("a", { stopsOthers: false });
  add("b");
  assert.equal(queue.stopsOthers("a"), false);
  queue.answered("a", true);
  assert.deepEqual(log, ["a", "b"]);
});

Deno.test("a stop drops the cells that wait, and lets the one that runs end in its own way", () => {
  const { queue, log, add } = newQueue();
  queue.drop("stopped");
  ["a", "b"].forEach((id) => add(id));
  queue.drop("stopped");
  add("c");
  assert.deepEqual(log, ["a", "b: stopped"]);
  queue.answered("a", false);
  assert.deepEqual(log, ["a", "b: stopped", "c"]);
});
