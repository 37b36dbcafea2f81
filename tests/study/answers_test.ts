/** Answers that stay the full model's, by the rule of each metric, and the log-probability of the right ones. */
import assert from "node:assert/strict";
import { keptOf, keptOver, logprobOf } from "../../src/study/evaluate/summary.ts";
import type { Item } from "../../src/study/evaluate/items.ts";
import { type Document, tasksNamed } from "../../src/tasks/mod.ts";

const item = (values: Partial<Item>): Item => ({
  index: 0,
  hash: "",
  loglikelihoods: [],
  greedy: [],
  tokens: [],
  gold: null,
  text: null,
  kl: 0,
  top1: 0,
  accepted: 0,
  cut: 0,
  ...values,
});
const document = (choiceLengths: number[] = []): Document => ({
  index: 0,
  context: "",
  requests: [],
  choiceLengths,
  gold: 0,
  promptHash: "",
});

/** Of two models' items, the share that is alike. */
function kept(
  task: string,
  metric: Parameters<typeof keptOf>[1],
  items: Item[],
  full: Item[],
  lengths: number[] = [],
) {
  return keptOf(tasksNamed(task)[0], metric, items.map(() => document(lengths)), items, full)!;
}

Deno.test("a choice stays by the rule of its metric", () => {
  const [full, run] = [[-1, -2], [-3, -2]].map((loglikelihoods) => item({ loglikelihoods, gold: 0 }));
  // For a length of four against one, the second is −0.5 for the full model and the plan alike.
  assert.equal(kept("piqa", "acc", [run], [full], [1, 4]).value, 0);
  assert.equal(kept("piqa", "acc_norm", [run], [full], [1, 4]).value, 1);
  const { value, low, high } = kept("piqa", "acc", [run, full], [full, full]);
  assert.equal(value, 0.5);
  assert.ok(low > 0.05 && low < 0.2 && high > 0.8 && high < 0.95); // Wilson's for 1 of 2
});

Deno.test("a continuation stays where each of its tokens has the full model's first choice, right or wrong", () => {
  const run = [3, 2].map((top1) => item({ loglikelihoods: [-1], greedy: [false], tokens: [3], top1 }));
  assert.equal(kept("lambada_openai", "acc", run, run).value, 0.5);
});

Deno.test("a written answer stays where both texts have the same one", () => {
  const texts = ["so 5 and 5\n#### 1,000", "#### 1000.", "#### 7", "no number", "9"].map((text) =>
    item({ text })
  );
  const share = (metric: "strict" | "flexible", run: number, full: number) =>
    kept("gsm8k", metric, [texts[run]], [texts[full]]).value;
  assert.deepEqual([share("strict", 0, 1), share("strict", 0, 2), share("strict", 3, 4)], [1, 0, 1]);
  assert.deepEqual([share("flexible", 0, 1), share("flexible", 3, 4)], [1, 0]);
});

Deno.test("a perplexity has no answers", () => {
  const one = item({ loglikelihoods: [-1], tokens: [1] });
  assert.equal(keptOf(tasksNamed("lambada_openai")[0], "perplexity", [document()], [one], [one]), null);
});

Deno.test("of several tasks every document counts once", () => {
  const share = (value: number) => ({ value, low: 0, high: 1 });
  assert.equal(keptOver([{ n: 10, kept: share(0.1) }, { n: 30, kept: share(1) }]).value, 31 / 40);
});

Deno.test("log-probabilities are the right answers', paired with the full model's", () => {
  const full = [[-1, -9], [-9, -2], [-3, -9]].map((loglikelihoods, i) =>
    item({ loglikelihoods, gold: i % 2 })
  );
  const run = [[-2, -9], [-9, -3], [-4, -9]].map((loglikelihoods, i) =>
    item({ loglikelihoods, gold: i % 2 })
  );
  const { value, low, high, against } = logprobOf(run, full)!;
  assert.equal(value, -3);
  // Student's t of two degrees of freedom: 4.303 standard errors of 1 / √3.
  assert.ok(
    Math.abs(high! - value - 4.302652729749462 / Math.sqrt(3)) < 1e-9 &&
      Math.abs(low! + high! - 2 * value) < 1e-9,
  );
  assert.deepEqual(against, { difference: -1, low: -1, high: -1 }); // each document changed alike
  assert.equal(logprobOf(full, null)!.against, null);
  const one = { value: -1, low: null, high: null, against: { difference: 0, low: null, high: null } };
  assert.deepEqual(logprobOf(full.slice(0, 1), full.slice(0, 1)), one);
  assert.equal(logprobOf([item({ text: "18" })], null), null);
});
