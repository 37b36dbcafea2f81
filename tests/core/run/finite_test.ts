/**
 * Numbers of one tensor that are not finite, or so large that squares overflow, end a run with the name of its module and
 * of the tensor: for every tensor of a layer, the embedding, the final norm and the head of every family.
 */
import assert from "node:assert/strict";
import type { Engine } from "core/engine/mod.ts";
import type { Model } from "core/models/mod.ts";
import { type Blocks, dropPlan, forward, noDrop, reference, score, segmentsOf } from "core/run/mod.ts";
import { decoder } from "core/run/decode/mod.ts";
import { float32, type Tensor, toFloat32 } from "core/tensor/mod.ts";
import { withFixture } from "../../model.ts";
import { byTurns, countedEngine, engine, released, thorough } from "../../support.ts";
import { words } from "../../tools.ts";

/** A family each; among them biases, soft caps, q/k norms, norms behind modules, parallel residuals, a tied head. */
const families = words`llama-bias llama-tied qwen3 gemma2 gemma3 olmo2 neox-parallel neox-sequential`;
/** The layer that is spoiled. */
const LAYER = 1;
const OUTER = ["embedding.weight", "final_norm.weight", "head.weight"];

/** Large enough for any square to overflow. */
const HUGE = 1e30;

/**
 * The first number of a tensor replaced; of the embedding every one, as its rows come alone. A huge one everywhere, with the
 * sign of every other row turned: of a gate that is far below zero nothing comes through.
 */
function spoiledTensor(name: string, tensor: Tensor, value: number): Tensor {
  const data = toFloat32(tensor).slice();
  const width = tensor.shape[1] ?? 1;
  if (name === "embedding.weight") data.fill(value);
  else if (value === HUGE) data.forEach((_, i) => data[i] = Math.floor(i / width) % 2 ? -HUGE : HUGE);
  else data[0] = value;
  return float32(tensor.shape, data);
}

/** The model with one tensor spoiled, and the leases that are out. */
function spoil(model: Model, name: string, value: number): { model: Model; out: () => number } {
  let out = 0;
  const { weights } = model;
  const spoiled: Model["weights"] = {
    ...weights,
    async layer(l) {
      const lease = await weights.layer(l);
      out++;
      const tensors = new Map(lease.tensors);
      if (l === LAYER && tensors.has(name)) tensors.set(name, spoiledTensor(name, tensors.get(name)!, value));
      const release = () => {
        out--;
        lease.release();
      };
      return { tensors, release };
    },
    async outer(wanted, rows) {
      const tensor = await weights.outer(wanted, rows);
      return wanted === name ? spoiledTensor(name, tensor, value) : tensor;
    },
  };
  return { model: { ...model, weights: spoiled }, out: () => out };
}

/** The ways through a model; each meets the layers and the head. */
const ways: Record<string, (model: Model, engine: Engine, blocks: Blocks) => Promise<void>> = {
  async "the executor and the head"(model, engine, blocks) {
    const full = await reference({ model, engine, segments: segmentsOf(blocks) });
    await score({ model, engine, segments: segmentsOf(blocks), plans: [noDrop], reference: full })
      .finally(full.free);
  },
  "a decoder that keeps the weights": (model, engine, { ids }) => decodeOne(model, engine, ids[0]),
  "a decoder that leases them": (model, engine, { ids }) => decodeOne(model, engine, ids[0], 0),
};

/** The first token alone: only the step looks at it. */
async function decodeOne(model: Model, engine: Engine, id: number, budget?: number): Promise<void> {
  await using opened = released(await decoder({ model, engine, budget }));
  await opened.prefill([Int32Array.of(id)]);
}

function placeOf(name: string): string {
  if (name === "embedding.weight") return "the embedding";
  if (name === "head.weight") return "the head";
  if (name.startsWith("final_norm.")) return "the final norm";
  return `layer ${LAYER}, ${name.startsWith("mlp.") ? "MLP" : "attention"}`;
}

for (const [f, family] of families.entries()) {
  for (const [v, value] of [NaN, -Infinity, HUGE].entries()) {
    // An infinity takes the same way as NaN: for one family.
    const test = value === -Infinity && family !== families[0] ? thorough : Deno.test;
    test(`${family}: an error names the module and the tensor that holds ${value}`, () =>
      withFixture(family, async ({ model, blocks }) => {
        const lease = await model.weights.layer(LAYER);
        const names = [...lease.tensors.keys(), ...OUTER];
        lease.release();
        for (const [n, name] of names.entries()) {
          // Each tensor of the first family with every value; one of another family with one of them.
          if (f > 0 && value !== -Infinity && !byTurns([NaN, HUGE], f + n).includes(value)) continue;
          const where = name === "head.weight" && model.spec.head.tied ? "embedding.weight" : name;
          const tensor = model.stored!(where, OUTER.includes(name) ? undefined : LAYER).name;
          const why = value === HUGE
            ? `its weights are finite, the largest is 1e+30 in ${tensor}`
            : `${tensor} holds ${value}`;
          const message =
            `Cannot run ${model.name}: ${placeOf(name)} produces non-finite numbers (${why}), ` +
            "expected finite ones";
          // Each tensor in one way, the next tensor and value in another.
          for (const [way, run] of byTurns(Object.entries(ways), f + v + n)) {
            const spoiled = spoil(model, name, value);
            const own = countedEngine();
            const error: Error | null = await run(spoiled.model, own, blocks).then(
              () => null,
              (error) => error,
            );
            assert.equal(`${name}, ${way}: ${error?.message}`, `${name}, ${way}: ${message}`);
            assert.equal(error!.name, "RangeError");
            assert.equal(own.open(), 0, `${name}: ${way} leaves programs`);
            assert.equal(spoiled.out(), 0, `${name}: ${way} leaves leases`);
          }
        }
      }));
  }
}

Deno.test("a module that is not run spoils nothing", () =>
  withFixture("llama", async ({ model, blocks }) => {
    const spoiled = spoil(model, "attention.q_proj.weight", NaN).model;
    const plan = dropPlan(model.spec, { attention: [LAYER] });
    await forward({ model: spoiled, engine, segments: segmentsOf(blocks), plans: [plan] });
    const both = forward({ model: spoiled, engine, segments: segmentsOf(blocks), plans: [plan, noDrop] });
    await assert.rejects(both, /layer 1, attention/);
  }));

Deno.test("no probe sees non-finite numbers", () =>
  withFixture("llama", async ({ model, blocks }) => {
    const { model: spoiled } = spoil(model, "mlp.down_proj.weight", Infinity);
    const seen: string[] = [];
    const probe = {
      observeAttention: ({ layer }: { layer: number }) => void seen.push(`attention ${layer}`),
      observeUpdate: ({ layer }: { layer: number }) => void seen.push(`update ${layer}`),
    };
    const run = { model: spoiled, engine, segments: segmentsOf(blocks), plans: [noDrop] };
    await assert.rejects(forward({ ...run, probes: [probe] }));
    assert.deepEqual(seen, ["attention 0", "update 0", "attention 1"]);
  }));

Deno.test("a predicted token that is next to impossible has no finite perplexity, which is said", () =>
  withFixture("llama", async ({ model, blocks }) => {
    const { weights } = model;
    const outer: typeof weights.outer = async (name, rows) => {
      const tensor = await weights.outer(name, rows);
      if (name !== "head.weight") return tensor;
      return float32(tensor.shape, toFloat32(tensor).map((weight) => 1e5 * weight));
    };
    const run = { model: { ...model, weights: { ...weights, outer } }, engine, segments: segmentsOf(blocks) };
    const full = await reference(run);
    await assert.rejects(
      score({ ...run, plans: [noDrop], reference: full }),
      /^RangeError: Cannot score .*, (full model|without .*): \d.* nats per token, expected at most 709/,
    );
    full.free();
  }));
