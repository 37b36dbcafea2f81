/** Random models: what every family's tensors are drawn from beside transformers' own (fixtures/make_random_init.py), and the same bits from one worker or two. */
import assert from "node:assert/strict";
import {
  families,
  initialiserOf,
  layerTensors,
  type ModelSpec,
  outerTensors,
  randomWeights,
  readSpec,
  storedTensor,
} from "core/models/mod.ts";
import { float32, toFloat32 } from "core/tensor/mod.ts";
import type { Cut } from "core/weights/mod.ts";
import { fixtureNames, readJson } from "../../fixtures/read.ts";
import type { Made, Wanted } from "./init_worker.ts";

/** A number that all elements have, or how many there are, their mean and standard deviation. */
type Draw = number | readonly [elements: number, mean: number, deviation: number];

interface Expected {
  readonly std: number;
  readonly seeds: number;
  /** By model and by the tensor's name in the checkpoint, `*` for layers and experts. */
  readonly models: Readonly<Record<string, Readonly<Record<string, Draw>>>>;
}

const { std, seeds, models }: Expected = await readJson("tests/fixtures/random_draws.json");
const configOf = (name: string) =>
  JSON.parse(Deno.readTextFileSync(new URL(`../../fixtures/models/${name}/config.json`, import.meta.url)));

/**
 * Standard errors that two samples of one distribution may be apart. Some 800 are compared: one pair of a mean or a deviation in
 * 1.7 million is further apart.
 */
const ERRORS = 5;

Deno.test("the draws of every family are there", () => {
  const drawn = new Set(Object.keys(models).map((name) => configOf(name).model_type));
  const all = new Set(fixtureNames.map((name) => configOf(name).model_type));
  assert.equal(all.size, 27);
  assert.deepEqual([...drawn].sort(), [...all].sort());
});

for (const [name, expected] of Object.entries(models)) {
  Deno.test(`${name}: each tensor has transformers' constant, or its mean and deviation`, async () => {
    const config = { ...configOf(name), initializer_range: std };
    const spec = readSpec(config, name);
    const names = families[spec.family].names(spec, new Map(Object.entries(expected)));
    const unused = new Set(Object.keys(expected));
    for (const [canonical, values] of await drawnTensors(spec, initialiserOf(config, spec, name))) {
      const { name: stored, transform } = storedTensor(names, canonical);
      const general = stored.replaceAll(/(?<=\.)\d+(?=\.)/g, "*");
      const draw = expected[general];
      assert.notEqual(draw, undefined, `${canonical} is ${general}, which is not in transformers`);
      unused.delete(general);
      if (typeof draw === "number") {
        const norm = canonical.endsWith("norm.weight") && transform; // stored as w − 1 by some
        const one = float32([1], Float32Array.of(draw));
        const constant = norm ? toFloat32(norm(one, (n) => new Float32Array(n)))[0] : draw;
        assert.ok(values.every((value) => value === constant), `${canonical}: expected ${constant}`);
      } else expectAlike(canonical, values, draw);
    }
    assert.deepEqual([...unused], []);
  });
}

/** All that is drawn, over layers, experts and seeds, by canonical name with layer 0 and expert 0 for all. */
async function drawnTensors(spec: ModelSpec, initialiser: ReturnType<typeof initialiserOf>) {
  const drawn = new Map<string, number[]>();
  const add = (name: string, values: Iterable<number>) => {
    const general = name.replace(/experts\.\d+/, "experts.0");
    const own = drawn.get(general) ?? [];
    drawn.set(general, own);
    for (const value of values) own.push(value);
  };
  for (let seed = 0; seed < seeds; seed++) {
    const weights = randomWeights(spec, { ...initialiser, seed });
    for (const [name] of outerTensors(spec)) add(name, toFloat32(await weights.outer(name)));
    for (const [l, layer] of spec.layers.entries()) {
      const { tensors, release } = await weights.layer(l);
      for (const [name] of layerTensors(layer, spec.hidden)) add(name, toFloat32(tensors.get(name)!));
      release();
    }
    weights.close();
  }
  return drawn;
}

/**
 * The mean of n numbers has a standard error of σ/√n, their deviation one of σ √((κ − 1) / 4n), κ being the fourth moment in units
 * of σ⁴: 3 if they are normal, 9 for the logarithm of a uniform number.
 */
function expectAlike(
  name: string,
  values: readonly number[],
  [count, theirMean, theirs]: Exclude<Draw, number>,
) {
  const n = values.length;
  const moment = (k: number, about: number) => values.reduce((sum, z) => sum + (z - about) ** k, 0) / n;
  const mean = moment(1, 0);
  const ours = Math.sqrt(moment(2, mean));
  const kurtosis = Math.max(3, moment(4, mean) / ours ** 4);
  const both = Math.sqrt(1 / n + 1 / count);
  const inMean = Math.abs(mean - theirMean) / (theirs * both);
  const inDeviation = Math.abs(ours / theirs - 1) / (both * Math.sqrt((kurtosis - 1) / 4));
  assert.ok(inMean < ERRORS, `${name}: mean ${mean} for ${theirMean}, ${inMean} errors`);
  assert.ok(inDeviation < ERRORS, `${name}: deviation ${ours} for ${theirs}, ${inDeviation} errors`);
}

const [SEED, LAYER] = [11, 2];
/** Sides that no power of two divides evenly, so that halves begin at odd places. */
const config = {
  model_type: "qwen2",
  hidden_size: 90,
  intermediate_size: 171,
  num_hidden_layers: 3,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  vocab_size: 40,
};
const spec = readSpec(config, "test");
const needs = layerTensors(spec.layers[LAYER], spec.hidden);

/** The layer as this thread makes it, as bits. */
const whole = await (async () => {
  const weights = randomWeights(spec, { std: 0.02, residualStd: 0.005, seed: SEED });
  const { tensors } = await weights.layer(LAYER);
  return new Map([...tensors].map(([name, { data }]) => [name, bits(data as Float32Array)]));
})();

function bits(values: Float32Array): Uint32Array {
  return new Uint32Array(Float32Array.from(values).buffer);
}

async function inWorker(cuts: Wanted["cuts"]): Promise<Made> {
  const worker = new Worker(new URL("init_worker.ts", import.meta.url), { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage({ config, seed: SEED, layer: LAYER, cuts } satisfies Wanted);
    });
  } finally {
    worker.terminate();
  }
}

/** The part of a tensor's bits that a cut names. */
function cutOf(name: string, { axis, start, end }: Cut): Uint32Array {
  const [, columns = 1] = needs.find(([need]) => need === name)![1];
  return whole.get(name)!.filter((_, i) => {
    const place = axis === 0 ? Math.floor(i / columns) : i % columns;
    return place >= start && place < end;
  });
}

Deno.test("one worker makes the layer that this thread makes", async () => {
  const made = await inWorker(needs.map(([name]) => [name, null]));
  assert.deepEqual(made.map(([name]) => name), [...whole.keys()]);
  for (const [name, values] of made) assert.deepEqual(bits(values), whole.get(name), name);
});

for (const axis of [0, 1] as const) {
  Deno.test(`two workers at a time, half of every tensor's ${axis ? "columns" : "rows"} each, make it too`, async () => {
    const cuttable = needs.filter(([, shape]) => shape.length > axis);
    const halves = [0, 1].map((half) =>
      cuttable.map(([name, shape]) => {
        const middle = Math.floor(shape[axis] / 2);
        const [start, end] = half ? [middle, shape[axis]] : [0, middle];
        return [name, { axis, start, end }] as const;
      })
    );
    const made = await Promise.all(halves.map(inWorker));
    for (const [half, cuts] of halves.entries()) {
      for (const [i, [name, cut]] of cuts.entries()) {
        const [tensor, values] = made[half][i];
        assert.deepEqual([tensor, bits(values)], [name, cutOf(name, cut)], `half ${half}`);
      }
    }
    const count = made.flat().reduce((sum, [, values]) => sum + values.length, 0);
    const all = cuttable.reduce((sum, [name]) => sum + whole.get(name)!.length, 0);
    assert.equal(count, all, "nothing is left out");
  });
}
