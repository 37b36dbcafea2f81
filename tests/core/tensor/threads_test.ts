/** Threads that fail, and how many are allowed. */
import assert from "node:assert/strict";
import { openThreads, threadsAllowed } from "core/tensor/mod.ts";

const failing = `
  import { parentPort } from "node:worker_threads";
  parentPort.on("message", (task) => { throw new Error("no " + task); });`;
const modules = {
  "what a thread throws": new URL(`data:text/javascript,${encodeURIComponent(failing)}`),
  "a module that is not there": new URL("../../tensor/nowhere.js", import.meta.url),
};

for (const [name, module] of Object.entries(modules)) {
  Deno.test(`${name} ends all that wait for it, and what is asked later`, async () => {
    const threads = openThreads<string>(module, "Cannot work", 2);
    for (const tasks of [["one", "two", "three"], ["four"]]) {
      await assert.rejects(threads.run(tasks, []), /^Error: Cannot work: \S/);
    }
    threads.close();
  });
}

Deno.test("OMP_NUM_THREADS limits the threads, by the first number of a list; anything else is every core", () => {
  const before = Deno.env.get("OMP_NUM_THREADS");
  const allowed = (value: string) => {
    Deno.env.set("OMP_NUM_THREADS", value);
    return threadsAllowed();
  };
  try {
    assert.deepEqual(["3", "2,1", "0", "-1", "1.5", "many", ""].map(allowed), [3, 2, 0, 0, 0, 0, 0]);
  } finally {
    before === undefined ? Deno.env.delete("OMP_NUM_THREADS") : Deno.env.set("OMP_NUM_THREADS", before);
  }
});
