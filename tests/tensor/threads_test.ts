/** Threads that fail. */
import assert from "node:assert/strict";
import { openThreads } from "../../src/tensor/mod.ts";

const failing = `
  import { parentPort } from "node:worker_threads";
  parentPort.on("message", (task) => { throw new Error("no " + task); });`;
const modules = {
  "what a thread throws": new URL(`data:text/javascript,${encodeURIComponent(failing)}`),
  "a module that is not there": new URL("./nowhere.js", import.meta.url),
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
