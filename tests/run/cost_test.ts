/**
 * What a run is predicted to take, beside what the graphs multiply that it runs: whole texts under several plans, and a text token by token.
 */
import assert from "node:assert/strict";
import { type ModelSpec, scoring } from "../../src/models/mod.ts";
import {
  cost,
  decoder,
  type DropPlan,
  FLOAT32,
  forward,
  type NewTokens,
  noDrop,
  score,
  segmentsOf,
  workOf,
} from "../../src/run/mod.ts";
import { fixtureNames } from "../fixtures/read.ts";
import { everyThird, isThorough, randomBlocks, withFixture } from "../support.ts";
import { type Counted, countingEngine } from "./counting.ts";
import { words } from "../words.ts";

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
  assert.ok(
    Math.abs(found - expected) <= 1e-9 * expected,
    `${what}: ${expected} predicted, ${found} counted`,
  );
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
        const opened = await decoder({ model, engine, plan: plans[1] });
        const steps = [[0, 7], [7, 8], [8, 9], [9, 10], [10, 11], [11, 12]];
        try {
          for (const [from, to] of steps) {
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
        } finally {
          await opened.release();
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
          await (head
            ? score({ model, engine, segments, plans })
            : forward({ model, engine, segments, plans }));
          const price = cost(spec, plans, SIZE, head);
          assert.equal(counted.modules, price.modules, "modules");
          const found = counted.products + coreOf(counted, spec);
          assert.ok(Math.abs(found / price.flops - 1) < NEAR, `${price.flops} predicted, ${found} counted`);
        }
      }),
  );
}
