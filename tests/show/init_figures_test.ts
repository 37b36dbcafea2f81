/** The table of an untrained model. */
import assert from "node:assert/strict";
import { tableText } from "../../src/show/mod.ts";
import { randomInit } from "../../src/study/mod.ts";
import { openConfig } from "../../src/subject/mod.ts";

const small = { hidden: 64, layers: 2, heads: 4, samples: 1, length: 8 };

Deno.test("mean and spread of each kind by layer; no spread of a single seed", async () => {
  const named = await openConfig("mistral-7b");
  const one = tableText([await randomInit(named, small)]).split("\n");
  assert.equal(
    one[0],
    "mistral-7b (hidden 64, layers 2, heads 4) (random normal, σ 0.02) · 1 × 8 tokens of zipf · float32, cpu",
  );
  assert.equal(one[1], "D 64, L 2, H 4, K 1, E 16, F 224, V 32000, pre-norm; seed 0");
  assert.deepEqual(one[3].split(/\s+/), ["layer", "|x|", "attention", "MLP", "block"]);
  assert.deepEqual(one.slice(4).map((line) => line.trim().split(/\s+/).length), [5, 5]);
  const two = tableText([await randomInit(named, { ...small, seeds: 2 })]).split("\n");
  assert.match(two[1], /; seeds 0, 1$/);
  assert.equal(two[3].match(/± seeds/g)!.length, 3);
  assert.deepEqual(two.slice(4).map((line) => line.trim().split(/\s+/).length), [8, 8]);
});
