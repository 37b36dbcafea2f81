/** Bytes and operations by hand, on configurations whose numbers are known. */
import assert from "node:assert/strict";
import { readSpec } from "../../src/models/mod.ts";
import { bytesEach, FLOAT32, keyBytes, noDrop, weightBytes, workOf } from "../../src/run/mod.ts";
import { openConfig } from "../../src/subject/mod.ts";

async function specOf(name: string) {
  const { config } = await openConfig(name);
  return readSpec(config, name);
}
const HALF = bytesEach({ matrix: 2, other: 2, key: 2 });

Deno.test("weights are as many as the models are known for", async () => {
  const known = { "llama-2-13b": 13_015_864_320, "llama-2-70b": 68_976_648_192, "mistral-7b": 7_241_732_096 };
  for (const [name, parameters] of Object.entries({ ...known, "llama-3-8b": 8_030_261_248 })) {
    assert.equal(weightBytes(await specOf(name), noDrop, HALF), 2 * parameters, name);
  }
  // Without an attention: four matrices and a norm less.
  const llama = await specOf("llama-2-70b");
  const one = weightBytes(llama, noDrop, HALF) - weightBytes(llama, { attention: [3], mlp: [] }, HALF);
  assert.equal(one, 2 * (2 * 8192 * 8192 + 2 * 8192 * 1024 + 8192));
  const mlp = weightBytes(llama, noDrop, HALF) - weightBytes(llama, { attention: [], mlp: [0] }, HALF);
  assert.equal(mlp, 2 * (3 * 8192 * 28672 + 8192));
});

Deno.test("keys and values are those of the attentions that are left", async () => {
  const llama = await specOf("llama-2-70b");
  assert.equal(keyBytes(llama, noDrop, 4096, HALF), 80 * 2 * 8 * 128 * 2 * 4096);
  assert.equal(keyBytes(llama, { attention: [0, 5], mlp: [7] }, 10, HALF), 78 * 2 * 8 * 128 * 2 * 10);
  assert.equal(keyBytes(await specOf("llama-2-13b"), noDrop, 1, FLOAT32), 40 * 2 * 5120 * 4);
});

Deno.test("work: weights once for all tokens, products for each, keys for each text, the head for the last token", async () => {
  const llama = await specOf("llama-2-70b");
  const [attention, mlp, head] = workOf(llama, { attention: [1], mlp: [2, 3] }, HALF)({
    texts: 3,
    tokens: 2,
    past: 10,
  });
  const projections = 2 * 8192 * 8192 + 2 * 8192 * 1024;
  assert.deepEqual(attention, {
    module: "attention",
    count: 79,
    products: { bytes: 2 * (projections + 8192), flops: 2 * projections * 6 },
    // Tokens 11 and 12 see as many keys; each is multiplied twice with 64 heads of 128.
    core: { bytes: 3 * 12 * 2 * 8 * 128 * 2, flops: 3 * 4 * 64 * 128 * (11 + 12) },
  });
  assert.deepEqual(mlp, {
    module: "mlp",
    count: 78,
    products: { bytes: 2 * (3 * 8192 * 28672 + 8192), flops: 2 * 3 * 8192 * 28672 * 6 },
    core: null,
  });
  assert.deepEqual(head, {
    module: "head",
    count: 1,
    products: { bytes: 2 * 32000 * 8192, flops: 2 * 32000 * 8192 * 3 },
    core: null,
  });
});

Deno.test("a window hides keys from the tokens beyond it", async () => {
  const gemma = await specOf("gemma-2-2b"); // every other layer sees 4096 keys
  const seen = (past: number, tokens: number) =>
    workOf(gemma, noDrop, HALF)({ texts: 1, tokens, past }).filter(({ core }) => core)
      .map(({ count, core }) => [count, core!.flops / (4 * 8 * 256), core!.bytes / (2 * 4 * 256 * 2)]);
  assert.deepEqual(seen(4094, 1), [[13, 4095, 4095], [13, 4095, 4095]]);
  assert.deepEqual(seen(5000, 1), [[13, 4096, 4096], [13, 5001, 5001]]);
  const all = (from: number, to: number) => (to - from + 1) * (from + to) / 2;
  assert.deepEqual(seen(4094, 3), [[13, 4095 + 4096 + 4096, 4097], [13, all(4095, 4097), 4097]]);
});

/** Mixtral 8x7B. */
const mixtral = readSpec({
  model_type: "mixtral",
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  num_local_experts: 8,
  num_experts_per_tok: 2,
  vocab_size: 32000,
}, "mixtral");

Deno.test("a mixture has all its weights, and a token multiplies those of its own experts", () => {
  assert.equal(weightBytes(mixtral, noDrop, HALF), 2 * 46_702_792_704);
  const work = workOf(mixtral, noDrop, HALF);
  const mlpOf = (texts: number, tokens: number) => work({ texts, tokens, past: 0 })[1].products;
  const [router, expert] = [8 * 4096, 3 * 4096 * 14336];
  assert.equal(mlpOf(1, 1).flops, 2 * (router + 2 * expert));
  assert.equal(mlpOf(3, 5).flops, 15 * 2 * (router + 2 * expert));
  const touched = (texts: number, tokens: number) =>
    (mlpOf(texts, tokens).bytes - 2 * (router + 4096)) / (2 * expert);
  assert.ok(Math.abs(touched(1, 1) - 2) < 1e-9, "one token reads its two experts");
  assert.ok(Math.abs(touched(1, 2) - 3.5) < 1e-9, "the second one has a quarter of them already");
  assert.ok(Math.abs(touched(8, 512) - 8) < 1e-9, "many read all");
});
