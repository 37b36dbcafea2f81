/** Tasks that are made here run without the benchmark package and without a network, under plans of windows too. */
import assert from "node:assert/strict";
import { mean } from "../../src/measure/mod.ts";
import type { Evaluation } from "../../src/result/mod.ts";
import { evaluate } from "../../src/study/mod.ts";
import { withTiny } from "./tiny.ts";

Deno.test("probes are scored like other tasks, beside the full model", () =>
  withTiny(async ({ model, options: { results } }) => {
    const changes = [{ layer: 1, module: "attention", to: "window", keys: 4, sinks: 1 }] as const;
    const asked = {
      tasks: ["arithmetic", "brackets"],
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
      assert.deepEqual(Object.keys(metrics), task === "brackets" ? ["acc"] : ["acc", "perplexity"]);
      assert.equal(metrics.acc.against!.n, 3);
      for (const { greedy, gold, loglikelihoods, acc } of items) {
        const right = gold === null
          ? greedy[0]
          : loglikelihoods.indexOf(Math.max(...loglikelihoods)) === gold;
        assert.equal(acc, Number(right));
      }
      for (const result of [full, windows, wide]) expectAnswers(result.tasks[task], full.tasks[task]);
      assert.deepEqual([wide.tasks[task].metrics.acc.kept!.value, wide.tasks[task].logprob!.against], [1, {
        difference: 0,
        low: 0,
        high: 0,
      }]);
      const nats = (from: typeof full) => from.tasks[task].items.map(({ loglikelihoods }) => loglikelihoods);
      assert.notDeepEqual(nats(windows), nats(full));
      assert.deepEqual(nats(wide), nats(full)); // a window of the whole text, to the bit
    }
  }));

type Evaluated = Evaluation["tasks"][string];

/** The log-probability of right answers and the answers that stay the same follow from the documents. */
function expectAnswers(task: Evaluated, full: Evaluated): void {
  const { items, metrics: { acc }, logprob } = task;
  const right = (of: Evaluated) => of.items.map(({ loglikelihoods, gold }) => loglikelihoods[gold ?? 0]);
  assert.ok(Math.abs(logprob!.value - mean(right(task))) < 1e-12);
  if (logprob!.against === null) return assert.equal(acc.kept, null);
  assert.ok(
    Math.abs(logprob!.against.difference - mean(right(task).map((nats, i) => nats - right(full)[i]))) < 1e-12,
  );
  const same = items.filter(({ loglikelihoods: some, gold, top1, tokens }, i) => {
    const place = (values: readonly number[]) => values.indexOf(Math.max(...values));
    return gold === null ? top1 === tokens[0] : place(some) === place(full.items[i].loglikelihoods);
  });
  assert.equal(acc.kept!.value, same.length / items.length);
  assert.ok(acc.kept!.low <= acc.kept!.value && acc.kept!.value <= acc.kept!.high);
}

Deno.test("a made text that a model cannot read whole is an error that names its length", () =>
  withTiny(async ({ model, options: { results } }) => {
    const asked = (task: string) => evaluate(model, [], { tasks: [task], limit: 3, prompts: 0, results });
    const error = (task: string, tokens: number) => ({
      name: "RangeError",
      message: `Cannot evaluate ${model.name} on ${task}: ` +
        `found a text of ${tokens} tokens, expected at most 256, its context`,
    });
    await assert.rejects(asked("passkey_1000000"), error("passkey_1000000", 1000000)); // none is made
    await assert.rejects(asked("passkey_256"), /on passkey_256: found a text of 1\d\d\d tokens/); // a token is a letter
    await assert.rejects(asked("induction_32"), error("induction_32", 261));
  }));
