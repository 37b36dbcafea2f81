/** What a run is predicted to take, beside what the graphs multiply that it runs: whole texts under several plans, and a text token by token; bytes and operations by hand. */
import assert from "node:assert/strict";
import { type ModelSpec, readSpec, scoring } from "core/models/mod.ts";
import {
  bytesEach,
  cost,
  FLOAT32,
  forward,
  keyBytes,
  type NewTokens,
  score,
  segmentsOf,
  weightBytes,
  workOf,
} from "core/run/mod.ts";
import { type DropPlan, noDrop } from "core/measure/mod.ts";
import { decoder } from "core/run/decode/mod.ts";
import { openConfig } from "core/subject/mod.ts";
import { fixtureNames } from "../../fixtures/read.ts";
import { withFixture } from "../../model.ts";
import { everyThird, isThorough, randomBlocks, released } from "../../support.ts";
import { words } from "../../tools.ts";
import { type Counted, countingEngine } from "./counting.ts";

/** A fixture with each kind of module: windows, latents, experts of every kind, states, learned positions, a parallel residual. */
const kinds = words`llama gemma2 gpt2 neox-parallel deepseek-v3 mixtral qwen2-moe qwen3-5-moe`
  .concat("gpt-oss", "qwen2-window", "llama-tied");
const names = isThorough ? fixtureNames : kinds;

const SIZE = { samples: 3, length: 40 };
/** Sums of whole numbers in float64 agree to rounding. */
const NEAR = 1e-9;
const plans: readonly DropPlan[] = [
  noDrop,
  { attention: [1], mlp: [] },
  { attention: [], mlp: [2] },
  { attention: [0], mlp: [0] },
];

/** Heads of the CPU's operator are of a multiple of 8 numbers: its products are as many times the model's. */
function padding({ layers }: ModelSpec): number {
  const sizes = new Set(layers.flatMap(({ attention }) => scoring(attention)?.headSize ?? []));
  assert.ok(sizes.size <= 1, "all heads have one size");
  const [size = 8] = sizes;
  return Math.ceil(size / 8) * 8 / size;
}

/** What was multiplied besides weights, as a model without padding has it. */
function coreOf({ seen, rectangles, states }: Counted, spec: ModelSpec): number {
  return seen / padding(spec) + rectangles + states;
}

/** What `workOf` says of a plan and some new tokens; the head's apart. */
function predicted(spec: ModelSpec, plan: DropPlan, step: NewTokens) {
  const total = { products: 0, core: 0, head: 0 };
  for (const { module, count, products, core } of workOf(spec, plan, FLOAT32)(step)) {
    total[module === "head" ? "head" : "products"] += count * products.flops;
    total.core += count * (core?.flops ?? 0);
  }
  return total;
}

/** Sums of whole numbers below 2⁵³ are exact, in any order; a share of a head's padding need not be. */
function expectEqual(found: number, expected: number, what: string): void {
  const isNear = Math.abs(found - expected) <= 1e-9 * expected;
  assert.ok(isNear, `${what}: ${expected} predicted, ${found} counted`);
}

for (const [i, name] of names.entries()) {
  const [pass, steps, together] = [0, 1, 2].map((turn) => everyThird(i + turn));
  pass(
    `${name}: a pass multiplies what workOf says of every plan`,
    () =>
      withFixture(name, async ({ model }) => {
        const { spec } = model;
        const segments = segmentsOf(randomBlocks(SIZE.samples, SIZE.length, spec.vocabulary));
        for (const plan of plans) {
          const { engine, counted } = countingEngine();
          await forward({ model, engine, segments, plans: [plan] });
          const work = predicted(spec, plan, { texts: SIZE.samples, tokens: SIZE.length, past: 0 });
          expectEqual(counted.products, work.products, `products under ${JSON.stringify(plan)}`);
          expectEqual(coreOf(counted, spec), work.core, `core under ${JSON.stringify(plan)}`);
        }
      }),
  );

  steps(
    `${name}: a prompt and steps multiply what workOf says of them`,
    () =>
      withFixture(name, async ({ model }) => {
        const { spec } = model;
        const windowed = spec.layers.some(({ attention }) => scoring(attention)?.window);
        const { ids } = randomBlocks(1, 12, spec.vocabulary);
        const { engine, counted } = countingEngine();
        await using opened = released(await decoder({ model, engine, plan: plans[1] }));
        for (const [from, to] of [[0, 7], [7, 8], [8, 9], [9, 10], [10, 11], [11, 12]]) {
          Object.assign(counted, { products: 0, seen: 0, rectangles: 0, states: 0 });
          await (from === 0 ? opened.prefill([ids.subarray(0, to)]) : opened.step([ids[from]]));
          const work = predicted(spec, plans[1], { texts: 1, tokens: to - from, past: from });
          const where = `of tokens ${from} to ${to}`;
          expectEqual(counted.products, work.products + work.head, `products ${where}`);
          const core = coreOf(counted, spec);
          // A product with a mask multiplies what the mask hides.
          const isMasked = counted.rectangles > 0 && (to - from > 1 || windowed);
          if (isMasked) assert.ok(core >= work.core, `core ${where}`);
          else expectEqual(core, work.core, `core ${where}`);
        }
      }),
  );

  together(
    `${name}: plans that run together and their predictions cost what cost says`,
    () =>
      withFixture(name, async ({ model }) => {
        const { spec } = model;
        const segments = segmentsOf(randomBlocks(SIZE.samples, SIZE.length, spec.vocabulary));
        for (const head of [false, true]) {
          const { engine, counted } = countingEngine();
          await (head ? score : forward)({ model, engine, segments, plans });
          const price = cost(spec, plans, SIZE, head);
          assert.equal(counted.modules, price.modules, "modules");
          const found = counted.products + coreOf(counted, spec);
          assert.ok(Math.abs(found / price.flops - 1) < NEAR, `${price.flops} predicted, ${found} counted`);
        }
      }),
  );
}

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
  const of = workOf(llama, { attention: [1], mlp: [2, 3] }, HALF);
  const [attention, mlp, head] = of({ texts: 3, tokens: 2, past: 10 });
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
  ...{ model_type: "mixtral", hidden_size: 4096, intermediate_size: 14336, vocab_size: 32000 },
  ...{ num_hidden_layers: 32, num_attention_heads: 32, num_key_value_heads: 8 },
  ...{ num_local_experts: 8, num_experts_per_tok: 2 },
}, "mixtral");

Deno.test("a mixture has all its weights, and a token multiplies those of its own experts", () => {
  assert.equal(weightBytes(mixtral, noDrop, HALF), 2 * 46_702_792_704);
  const work = workOf(mixtral, noDrop, HALF);
  const mlpOf = (texts: number, tokens: number) => work({ texts, tokens, past: 0 })[1].products;
  const [router, expert] = [8 * 4096, 3 * 4096 * 14336];
  assert.equal(mlpOf(1, 1).flops, 2 * (router + 2 * expert));
  assert.equal(mlpOf(3, 5).flops, 15 * 2 * (router + 2 * expert));
  // One token reads its two experts; the second one has a quarter of them already; many read all.
  for (const [texts, tokens, experts] of [[1, 1, 2], [1, 2, 3.5], [8, 512, 8]]) {
    const touched = (mlpOf(texts, tokens).bytes - 2 * (router + 4096)) / (2 * expert);
    assert.ok(Math.abs(touched - experts) < 1e-9, `${texts} × ${tokens}: ${touched}`);
  }
});
