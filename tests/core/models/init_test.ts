/** Random weights: the same bits whichever way they are asked for, of the distribution that the family names. */
import assert from "node:assert/strict";
import {
  initialiserOf,
  layerTensors,
  type MlpSpec,
  type ModelSpec,
  outerTensors,
  randomWeights,
  readSpec,
  reshape,
  scoring,
} from "core/models/mod.ts";
import type { Tensor } from "core/tensor/mod.ts";
import { specOf as fixtureSpec } from "../../quantised.ts";
import { refuses } from "../../support.ts";

const folder = new URL("../../../data/configs/", import.meta.url);
const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
const read = (name: string) => JSON.parse(Deno.readTextFileSync(new URL(name, folder)));
const specOf = (name: string) => readSpec(read(name), name);

/** Small, of the shape's proportions. */
const small: ModelSpec = {
  ...reshape(specOf("llama-3-8b.json"), { hidden: 256, layers: 3 }),
  vocabulary: 1000,
};
const initialiser = { std: 0.02, residualStd: 0.005, seed: 7 };
const numbers = ({ data }: Tensor) => [...data as Float32Array];

Deno.test("a layer alone has the bits of the same layer in the whole, whatever was made before, and of a deeper model's", async () => {
  const whole = randomWeights(small, initialiser);
  const deeper = randomWeights(reshape(small, { layers: 9 }), initialiser);
  for (let l = 0; l < 3; l++) {
    const lease = await whole.layer(l);
    const alone = await randomWeights(small, initialiser).layer(l);
    const inDeeper = await deeper.layer(l);
    assert.deepEqual([...lease.tensors.keys()], layerTensors(small.layers[l], 256).map(([name]) => name));
    for (const [name, tensor] of lease.tensors) {
      assert.deepEqual(tensor.data, alone.tensors.get(name)!.data, name);
      assert.deepEqual(tensor.data, inDeeper.tensors.get(name)!.data, name);
    }
    lease.release();
    inDeeper.release();
  }
});

Deno.test("rows and columns alone have the bits of the same rows and columns of the whole", async () => {
  const weights = randomWeights(small, initialiser);
  const whole = (await weights.layer(1)).tensors;
  for (const [name, [rows, columns]] of layerTensors(small.layers[1], 256)) {
    const all = numbers(whole.get(name)!);
    const cuts = [{ axis: 0 as const, start: 3, end: rows - 2 }];
    if (columns) cuts.push({ axis: 1 as never, start: 5, end: columns - 1 });
    for (const cut of cuts) {
      const part = (await weights.part!(1, new Map([[name, cut]]))).tensors.get(name)!;
      const expected = all.filter((_, i) => {
        const place = cut.axis === 0 ? Math.floor(i / (columns ?? 1)) : i % columns;
        return place >= cut.start && place < cut.end;
      });
      assert.deepEqual(numbers(part), expected, `${name}, axis ${cut.axis}`);
    }
  }
});

Deno.test("rows of the embedding and the head equal the whole's; a tied head is the embedding", async () => {
  const weights = randomWeights(small, initialiser);
  for (const [name] of outerTensors(small).filter(([, shape]) => shape.length === 2)) {
    const all = await weights.outer(name);
    assert.deepEqual(all.shape, [1000, 256]);
    const some = numbers(await weights.outer(name, [500, 503]));
    assert.deepEqual(some, numbers(all).slice(500 * 256, 503 * 256));
  }
  const embedding = await weights.outer("embedding.weight");
  assert.notDeepEqual(await weights.outer("head.weight"), embedding);
  const tied = randomWeights({ ...small, head: { ...small.head, tied: true } }, initialiser);
  assert.deepEqual((await tied.outer("head.weight")).data, embedding.data);
});

Deno.test("a released lease's memory serves the next; two at a time are apart", async () => {
  const weights = randomWeights(small, initialiser);
  const [first, second] = [await weights.layer(0), await weights.layer(1)];
  const buffer = (lease: typeof first) => lease.tensors.get("mlp.up_proj.weight")!.data.buffer;
  assert.notEqual(buffer(first), buffer(second));
  second.release();
  const third = await weights.layer(2);
  assert.equal(buffer(third), buffer(second));
  second.release(); // a second time: must not give away what the third holds
  assert.notEqual(buffer(await weights.layer(1)), buffer(third));
});

Deno.test("what is not there is refused by name", () => {
  const { layer, outer, part } = randomWeights(small, initialiser);
  return refuses("Cannot draw ", (draw: () => unknown) => draw(), [
    [() => layer(3), "layer 3: expected an integer from 0 to 2"],
    [
      () => outer("embedding.weight", [990, 1001]),
      "[990, 1001) of axis 0, expected a range within [1000,256]",
    ],
    [
      () => part!(0, new Map([["mlp.up_proj.weight", { axis: 1, start: -1, end: 4 }]])),
      "mlp.up_proj.weight: found indices [-1, 4)",
    ],
  ]);
});

Deno.test("the initialiser is said by the configuration or by the caller, never guessed", () => {
  const pythia = read("pythia-160m.json");
  const text = { initializer_range: 0.5, text_config: { initializer_range: 0.01 } };
  const gpt2 = { ...small, family: "gpt2" }; // three layers
  type Given = { std?: number; residualStd?: number };
  const rows: [config: Record<string, unknown>, spec: ModelSpec, given: Given, expected: number[]][] = [
    [{ initializer_range: 0.03 }, small, {}, [0.03, 0.03]],
    [{ initializer_range: 0.03 }, small, { std: 0.1 }, [0.1, 0.1]],
    [{}, small, { std: 0.1, residualStd: 0.2 }, [0.1, 0.2]],
    [pythia, small, {}, [Math.sqrt(2 / (5 * 768)), 2 / (12 * Math.sqrt(768))]],
    [pythia, small, { std: 0.02 }, [0.02, 0.02]],
    [text, small, {}, [0.01, 0.01]],
    [{ ...text, text_config: {} }, small, {}, [0.5, 0.5]],
    [{ initializer_range: 0.03 }, gpt2, {}, [0.03, 0.03 / Math.sqrt(6)]],
    [{}, gpt2, { std: 0.1 }, [0.1, 0.1 / Math.sqrt(6)]],
    [{}, gpt2, { std: 0.1, residualStd: 0.2 }, [0.1, 0.2]],
  ];
  for (const [config, spec, given, [std, residualStd]] of rows) {
    assert.deepEqual(initialiserOf(config, spec, "m", given), { std, residualStd });
  }
  const none =
    /^TypeError: Cannot initialise some.gguf: its configuration has no initializer_range, expected one or a standard deviation, `std`$/;
  assert.throws(() => initialiserOf({ model_type: "llama" }, small, "some.gguf"), none);
  for (const bad of [0, -1, NaN, Infinity, "0.02"]) {
    assert.throws(() => initialiserOf({ initializer_range: bad }, small, "m"), RangeError, String(bad));
  }
});

/** Parameters in thousand millions, as the papers count them: with embedding and head. */
const sizes: Record<string, number> = {
  "gemma-2-2b.json": 2.61,
  "gemma-2-9b.json": 9.24,
  "llama-2-13b.json": 13.02,
  "llama-2-70b.json": 68.98,
  "llama-2-7b.json": 6.74,
  "llama-3-70b.json": 70.55,
  "llama-3-8b.json": 8.03,
  "map-neo-7b.json": 7.8,
  "mistral-7b.json": 7.24,
  "olmo-2-7b.json": 7.3,
  "pythia-1.4b.json": 1.41,
  "pythia-160m.json": 0.162,
  "pythia-6.9b.json": 6.86,
};

Deno.test("every configuration in data/configs is understood, has an initialiser, and the parameters of its name", () => {
  assert.deepEqual(names, Object.keys(sizes));
  for (const name of names) {
    const spec = specOf(name);
    initialiserOf(read(name), spec, name);
    const inLayers = spec.layers.flatMap((layer) => layerTensors(layer, spec.hidden));
    const tensors = [...outerTensors(spec), ...inLayers];
    const count = tensors.reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b, 1), 0) / 1e9;
    assert.ok(Math.abs(count / sizes[name] - 1) < 0.005, `${name}: ${count}`);
  }
});

Deno.test("a shape is changed in proportion, one cause at a time; what does not divide is refused", () => {
  const spec = specOf("llama-3-8b.json");
  const [{ mlp }] = spec.layers;
  const attention = scoring(spec.layers[0].attention);
  assert.deepEqual(reshape(spec, {}), spec);
  const narrow = reshape(spec, { hidden: 1024, layers: 2, norm: "post" });
  assert.equal(narrow.layers.length, 2);
  assert.equal((narrow.layers[1].mlp as MlpSpec).size, 3584);
  assert.deepEqual(narrow.layers[1].mlp!.norm, { pre: null, post: mlp!.norm.pre });
  const { heads, kvHeads, headSize, scale, rope } = scoring(narrow.layers[1].attention)!;
  assert.deepEqual([heads, kvHeads, headSize, scale, rope!.size], [32, 8, 32, 32 ** -0.5, 32]);
  const manyHeads = scoring(reshape(spec, { heads: 64 }).layers[0].attention)!;
  assert.deepEqual([manyHeads.heads, manyHeads.kvHeads, manyHeads.headSize], [64, 16, 64]);
  assert.equal(attention!.headSize, 128);
  assert.throws(() => reshape(spec, { hidden: 1000 }), /^RangeError: Cannot reshape attention: 32 heads/);
  assert.throws(() => reshape(spec, { heads: 2 }), RangeError);
});

Deno.test("latents scale with the width, each head's own numbers with the width and the number of heads", () => {
  for (const name of ["deepseek-v3", "deepseek-v3-plain"]) {
    const spec = fixtureSpec(name);
    const own = spec.layers[0].attention;
    assert.ok(own?.kind === "latent");
    assert.deepEqual(reshape(spec, {}), spec);
    const wide = reshape(spec, { hidden: 2 * spec.hidden, heads: 4 * own.heads }).layers[0].attention;
    assert.ok(wide?.kind === "latent");
    const { query, keyValue, plain, value } = own.latents;
    const found = [wide.heads, wide.kvHeads, wide.headSize, wide.rope!.size];
    assert.deepEqual(found, [4 * own.heads, 4 * own.heads, own.headSize / 2, own.rope!.size / 2]);
    const doubled = { query: query && 2 * query, keyValue: 2 * keyValue };
    assert.deepEqual(wide.latents, { ...own.latents, ...doubled, plain: plain / 2, value: value / 2 });
    assert.ok(Math.abs(wide.scale - own.scale * Math.SQRT2) < 1e-12); // heads of half the size
    const uneven =
      /^RangeError: Cannot reshape latent attention: .* expected whole numbers and an even rotation$/;
    assert.throws(() => reshape(spec, { heads: 5 * own.heads }), uneven);
  }
});
