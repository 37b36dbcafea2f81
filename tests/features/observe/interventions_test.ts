/**
 * Values that `observe` changes give the logits of PyTorch with hooks, and the logit lens those of the model's own final norm and head
 * (fixtures/make_interventions.py), on every way that attention runs.
 */
import assert from "node:assert/strict";
import { type Engine, webgpuEngine } from "core/engine/mod.ts";
import { type Observation, observe } from "features/observe/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { type Expected, parse } from "../../fixtures/read.ts";
import { distance, engineWith, largest, stateTolerance } from "../../model.ts";
import { byTurns, engine, near, thorough } from "../../support.ts";
import { withTiny } from "../../core/study/tiny.ts";
import { unless } from "../../tools.ts";

const folder = new URL("../../fixtures/interventions/", import.meta.url);
const names = [...Deno.readDirSync(folder)].map(({ name }) => name.replace(".safetensors", "")).sort();

type Tensors = Map<string, Expected>;
type Name = "x" | "a" | "m" | "y" | "mixed";
type Layer = Exclude<Observation<Name>, never>;
const numbers = (tensors: Tensors, name: string) => tensors.get(name)!.data as Float32Array;

/** The mean over tokens, in the place of each. */
function evened({ data, shape: [tokens, width] }: Layer["a"]): Float32Array {
  const sums = new Float64Array(width);
  data.forEach((value, i) => sums[i % width] += value);
  return data.map((_, i) => sums[i % width] / tokens);
}

/** The cases of make_interventions.py. */
const CASES: Record<string, { values: Name[]; by(seen: Layer, tensors: Tensors): unknown }> = {
  scale: {
    values: ["a"],
    by: ({ a }) => ({ a: { data: a.data.map((value) => value / 2), shape: a.shape } }),
  },
  head: {
    values: ["mixed"],
    by({ layer, mixed: { data, shape: [, heads, size] } }) {
      if (layer !== 0 && layer !== 2) return;
      return { mixed: data.map((value, i) => Math.floor(i / size) % heads === 1 ? 0 : value) };
    },
  },
  steer: {
    values: ["y"],
    by({ layer, y }, tensors) {
      const direction = numbers(tensors, "direction");
      if (layer === 0) return { y: y.data.map((value, i) => value + direction[i % direction.length]) };
    },
  },
  patch: { values: ["m"], by: ({ layer }, tensors) => layer === 1 ? { m: numbers(tensors, "patch") } : {} },
  mean: {
    values: ["a", "m"],
    by: ({ layer, a, m }) => layer === 0 ? { m: evened(m) } : layer === 2 ? { a: evened(a) } : null,
  },
  enter: {
    values: ["x"],
    by: ({ layer, x }) =>
      Promise.resolve(layer === 1 ? { x: x.data.map((value) => 1.5 * value) } : undefined),
  },
};

/** Ways to run; in words, why one does not run here. */
const engines: Record<string, { on: Engine | string; names?: readonly string[] }> = {
  "the CPU": { on: engine },
  "graphs of every engine": {
    on: engineWith({ attention: "decomposed", masked: "decomposed", rows: "scattered" }),
  },
  WebGPU: { on: await webgpuEngine().catch((error: Error) => error.message), names: ["gemma2", "qwen3-moe"] },
};
Deno.test.afterAll(async () => {
  const { on } = engines.WebGPU;
  if (typeof on !== "string") await on.close();
});

function onEach(title: string, run: (model: StudyModel, on: Engine, tensors: Tensors) => Promise<void>) {
  for (const [way, { on, names: some = names }] of Object.entries(engines)) {
    for (const name of some) {
      if (typeof on === "string") {
        unless(on)(`${name}: ${title}, on ${way}`, () => {});
        continue;
      }
      const test = way === "WebGPU" && name !== "gemma2" ? thorough : Deno.test; // a device that the CPU plays is slow
      test(`${name}: ${title}, on ${way}`, () =>
        withTiny(async ({ model }) => {
          const before = on.live;
          await run(model, on, parse(await Deno.readFile(new URL(`${name}.safetensors`, folder))));
          assert.equal(on.live, before, "tensors are left");
        }, name));
    }
  }
}

onEach("changed values give PyTorch's logits", async (model, on, tensors) => {
  const ids = [tensors.get("ids")!.data];
  const half = on === engines.WebGPU.on ? byTurns([0, 1], 0) : [0, 1]; // every other case where the CPU plays a device
  for (const [name, { values, by }] of Object.entries(CASES).filter((_, i) => half.includes(i % 2))) {
    let found = new Float32Array(0);
    await observe(model, (seen) => {
      if ("logits" in seen) found = seen.logits.data;
      else return by(seen as Layer, tensors);
    }, { values: [...values, "logits"], ids, engine: on });
    const expected = numbers(tensors, `logits.${name}`);
    // Each side is as far from the exact state as two engines are in states_test.ts; the norm and the head keep relative errors.
    near(distance(found, expected), 0, 2 * stateTolerance(model.spec) * largest(expected), name);
  }
});

onEach(
  "the logit lens gives the logits, entropy and top token of the model's head",
  async (model, on, tensors) => {
    const ids = [tensors.get("ids")!.data];
    const [logits, entropies] = [numbers(tensors, "lens.logits"), numbers(tensors, "lens.entropy")];
    const tokens = ids[0].length;
    const size = tokens * model.spec.vocabulary;
    const calls: number[] = [];
    let last: Float32Array | undefined;
    await observe(model, (seen) => {
      calls.push(seen.layer);
      if ("entropy" in seen) {
        assert.deepEqual(seen.entropy.data, last, "the last layer's lens is the model");
        return;
      }
      const { layer } = seen;
      const expected = logits.subarray(layer * size, (layer + 1) * size);
      const most = 2 * stateTolerance(model.spec) * largest(expected);
      assert.deepEqual(seen["y.logits"].shape, [tokens, model.spec.vocabulary]);
      near(distance(seen["y.logits"].data, expected), 0, most, `logits of layer ${layer}`);
      // Σ |∂H / ∂z| = Σ p |ln p + H| ≤ 2 ln V; and both are rounded to float32.
      last = seen["y.entropy"].data;
      const own = entropies.subarray(layer * tokens, (layer + 1) * tokens);
      near(distance(last, own), 0, 2 * Math.log(model.spec.vocabulary) * most, `entropy of layer ${layer}`);
      seen["y.top1"].data.forEach((token, row) => {
        const own = expected.subarray(row * model.spec.vocabulary, (row + 1) * model.spec.vocabulary);
        near(own[token], Math.max(...own), 2 * most, `token ${row} of layer ${layer}`);
      });
    }, { values: ["y.logits", "y.entropy", "y.top1", "entropy"], ids, engine: on });
    assert.deepEqual(calls, [...model.spec.layers.keys(), model.spec.layers.length]);
  },
);
