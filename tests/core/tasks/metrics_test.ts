/** Answers and numbers, against lm-eval's filters and formulas. */
import assert from "node:assert/strict";
import {
  averaged,
  beforeStops,
  type Document,
  estimate,
  exactMatch,
  extractAnswer,
  type Outcome,
  pooled,
  scoreDocument,
  tasksNamed,
} from "core/tasks/mod.ts";
import { fixture } from "./fixture.ts";

const { answers, numbers } = fixture;

for (const [name, found] of Object.entries(answers.found)) {
  for (const metric of ["strict", "flexible"] as const) {
    Deno.test(`${name}: lm-eval's ${metric} answers, and which are right`, () => {
      const [task] = tasksNamed(name);
      const ours = answers.texts.map((text) => [
        extractAnswer(task, metric, text),
        Number(exactMatch(task, metric, text, answers.golds[name])),
      ]);
      assert.deepEqual(ours, found[metric]);
    });
  }
}

Deno.test("the table of GSM8K answers", () => {
  const [task] = tasksNamed("gsm8k");
  const table: [text: string, strict: string, flexible: string][] = [
    ["$1,000.", "[invalid]", "$1,000."],
    ["####  5", "[invalid]", "5"],
    ["#### -3.5.", "-3.5.", "-3.5."],
    ["12%", "[invalid]", "12"],
    ["1..2", "[invalid]", "1..2"],
    ["no number", "[invalid]", "[invalid]"],
    ["… the end...", "[invalid]", "..."],
    ["\u22127", "[invalid]", "7"],
  ];
  for (const [text, strict, flexible] of table) {
    assert.equal(extractAnswer(task, "strict", text), strict, text);
    assert.equal(extractAnswer(task, "flexible", text), flexible, text);
  }
});

Deno.test("the first GSM8K keeps a final dot, and has one filter", () => {
  const [now] = tasksNamed("gsm8k");
  const [old] = tasksNamed("gsm8k@1.0");
  assert.equal(exactMatch(now, "strict", "#### 1,8.", "#### 18"), true);
  assert.equal(exactMatch(old, "strict", "#### 1,8.", "#### 18"), false);
  assert.equal(exactMatch(old, "strict", "#### $18", "#### 18"), false);
  assert.equal(exactMatch(old, "strict", "#### 1,8", "so\n#### 18"), true);
  assert.throws(() => exactMatch(old, "flexible", "18", "18"), /gsm8k: it has no filter flexible/);
});

Deno.test("generated text ends before each stop string in turn", () => {
  assert.equal(beforeStops("a\n\nb Question: c", ["\n\n", "Question:"]), "a");
  assert.equal(beforeStops("Question: c", ["\n\n", "Question:"]), "");
  assert.equal(beforeStops("a</s>b", ["Question:", "", "</s>"]), "a");
});

const choice: Document = {
  index: 0,
  context: "",
  requests: [],
  choiceLengths: [1, 10, 10],
  gold: 1,
  promptHash: "",
};
const told = (logLikelihoods: number[], greedy = [false]): Outcome => ({ logLikelihoods, greedy, text: "" });

Deno.test("the likeliest choice, and the likeliest per character; the first of equals", () => {
  const [task] = tasksNamed("piqa");
  assert.deepEqual(scoreDocument(task, choice, told([-2, -4, -5])), { acc: 0, acc_norm: 1 });
  assert.deepEqual(scoreDocument(task, choice, told([-2, -2, -5])), { acc: 0, acc_norm: 1 });
  assert.deepEqual(scoreDocument(task, { ...choice, gold: 0 }, told([-2, -2, -2])), { acc: 1, acc_norm: 0 });
});

Deno.test("LAMBADA counts greedy words and sums of log-likelihoods", () => {
  const [task] = tasksNamed("lambada_openai");
  const scores = [told([-1], [true]), told([-3])].map((outcome) => scoreDocument(task, choice, outcome));
  assert.deepEqual(scores, [{ perplexity: -1, acc: 1 }, { perplexity: -3, acc: 0 }]);
  const { value, stderr, documents } = estimate("perplexity", scores);
  // exp(2); deviation √2, so √2 / √2 = 1 times exp(2)
  assert.deepEqual([value, stderr, documents], [Math.exp(2), Math.exp(2), 2]);
});

/** Sums of at most 122 terms in float64, in another order: 122 roundings of 2⁻⁵³ relative to the sum of sizes. */
const close = (found: number, expected: number) =>
  assert.ok(Math.abs(found - expected) <= 122 * 2 ** -53 * Math.abs(expected) * 4, `${found} ≠ ${expected}`);

Deno.test("means, standard errors, pooled ones and perplexity are lm-eval's", () => {
  const parts = numbers.parts.map((part) => estimate("acc", part.map((acc) => ({ acc }))));
  parts.forEach(({ value, stderr }, i) => {
    close(value, numbers.means[i]);
    close(stderr, numbers.stderrs[i]);
  });
  const { value, stderr, documents } = pooled(parts);
  close(value, numbers.mean);
  close(stderr, numbers.stderr);
  assert.equal(documents, 122);
  close(estimate("perplexity", numbers.sums.map((perplexity) => ({ perplexity }))).value, numbers.perplexity);
});

Deno.test("a suite's average counts each task once", () => {
  const part = (value: number, stderr: number, documents: number) => ({ value, stderr, documents });
  assert.deepEqual(averaged([part(0.5, 0.03, 10), part(0.25, 0.04, 1000)]), part(0.375, 0.025, 1010));
});

Deno.test("a subject of one document has no standard error, but its group has", () => {
  const one = estimate("acc", [{ acc: 1 }]);
  assert.equal(one.stderr, NaN);
  const two = estimate("acc", [{ acc: 1 }, { acc: 0 }]);
  // (2 − 1) · 2 · ½² = ½ over 3 − 2, over 3
  assert.deepEqual(pooled([one, two]), { value: 2 / 3, stderr: Math.sqrt(0.5 / 3), documents: 3 });
});
