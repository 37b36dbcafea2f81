/** The five numbers of a smaller model, in words. */
import assert from "node:assert/strict";
import { type Cost, costLines, costTitle, fiveText } from "core/show/words/mod.ts";

const plain = (text: string) => text.replaceAll("\u00a0", " ");
const none = { low: null, high: null };

/** The numbers of the issue's own example, made up to the digit. */
const cost: Cost = {
  bytes: { before: 98_400_000, after: 87_773_000 },
  kl: { value: 0.0175, low: 0.0167, high: 0.0183 },
  kl99: 0.0841,
  top1: { value: 0.884, low: 0.87, high: 0.898 },
  perplexity: [16.9312, Math.exp(0.0151) * 16.9312],
  rise: { value: 0.0151, low: -0.0059, high: 0.0361 },
};

Deno.test("a cost opens with its size, its divergence and the loss with its interval", () => {
  assert.equal(
    costTitle(cost),
    "10.8 % smaller: KLD 0.0175 mean, 0.084 at 99 %; loss +0.015 (−0.006 to 0.036)",
  );
  const bytes = (after: number) => ({ ...cost, bytes: { before: 100, after } });
  assert.match(costTitle(bytes(104)), /^4\.0 % larger: KLD/);
  assert.match(costTitle(bytes(100)), /^As large: KLD/);
  assert.match(costTitle({ ...cost, bytes: null }), /^KLD 0\.0175 mean/);
  assert.equal(
    costTitle({ ...cost, bytes: null, kl: null, kl99: null, rise: { value: -0.02, ...none } }),
    "loss −0.020 (one sample, no interval)",
  );
});

Deno.test("the five numbers come in one order: bytes, mean KLD, its 99 %, first choices, perplexity", () => {
  assert.equal(
    plain(fiveText(cost)),
    "98.4 → 87.8 MB (−10.8 %) · KLD 0.0175 (95 %: 0.0167 to 0.0183), 99 %: 0.084 · same first choice 88.4 % · perplexity +1.5 % (−0.6 to 3.7)",
  );
  assert.deepEqual(costLines(cost).map(({ name, value, range }) => [name, value, range]), [
    ["files", "98.4 → 87.8 MB (−10.8 %)", null],
    ["mean KLD", "0.0175", "0.0167 to 0.0183"],
    ["KLD, 99 %", "0.0841", null],
    ["same first choice", "88.4 %", "87.0 % to 89.8 %"],
    ["perplexity", "16.93 → 17.19 (+1.5 %)", "−0.6 % to +3.7 %"],
    ["loss, nats per token", "+0.015", "−0.006 to 0.036"],
  ]);
  const bare = { ...cost, bytes: null, kl: null, kl99: null, top1: null };
  assert.deepEqual(costLines(bare).map(({ name }) => name), ["perplexity", "loss, nats per token"]);
  assert.equal(fiveText({ ...bare, rise: { value: 0.0151, ...none } }), "perplexity +1.5 %");
});

Deno.test("a small loss has the digits that show it, and sizes of two units have both", () => {
  const small = { ...cost, rise: { value: 0.00021, low: 0.0001, high: 0.00032 } };
  assert.match(costTitle(small), /loss \+0\.00021 \(0\.00010 to 0\.00032\)$/);
  assert.match(
    costTitle({ ...cost, rise: { value: 0, low: 0, high: 0 } }),
    /loss 0\.000 \(0\.000 to 0\.000\)$/,
  );
  const far = { ...cost, rise: { value: 0.0151, low: -800, high: 800 } };
  assert.match(fiveText(far), /perplexity \+1\.5 % \(−100\.0 to over 1000\)$/);
  const [files] = costLines({ ...cost, bytes: { before: 1.2e9, after: 9e8 } });
  assert.equal(files.value, "1.20 GB → 900 MB (−25.0 %)");
});
