/** Tasks that are made here run without the benchmark package and without a network, under plans of windows too. */
import assert from "node:assert/strict";
import { evaluate } from "../../src/study/mod.ts";
import { withTiny } from "./tiny.ts";

Deno.test("probes are scored like other tasks, beside the full model", () =>
  withTiny(async ({ model, options: { results } }) => {
    const changes = [{ layer: 1, module: "attention", to: "window", keys: 4, sinks: 1 }] as const;
    const asked = {
      tasks: ["induction_32", "passkey_512"],
      limit: 3,
      prompts: 0,
      results,
      engine: "cpu",
    } as const;
    const [full, windows, wide] = await evaluate(
      model,
      [{}, { changes }, { changes: [{ ...changes[0], keys: 8192 }] }],
      asked,
    );
    for (const task of asked.tasks) {
      const { version, n, shots, metrics, items } = windows.tasks[task];
      assert.deepEqual([version, n, shots], ["1.0", 3, 0]);
      assert.deepEqual(Object.keys(metrics), ["acc", "perplexity"]);
      assert.equal(metrics.acc.against!.n, 3);
      items.forEach(({ greedy, acc }) => assert.equal(acc, Number(greedy[0])));
      const nats = (from: typeof full) => from.tasks[task].items.map(({ loglikelihoods }) => loglikelihoods);
      assert.notDeepEqual(nats(windows), nats(full));
      assert.deepEqual(nats(wide), nats(full)); // a window of the whole text, to the bit
    }
    assert.ok(full.tasks.passkey_512.cut > 0); // the tiny model reads fewer tokens
  }));
