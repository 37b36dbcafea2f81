/** Shares of updates that follow from the own token: beside NumPy's in float64, and where they are known by construction. */
import assert from "node:assert/strict";
import { MODULES } from "../../src/measure/mod.ts";
import { type Causes, readResult } from "../../src/result/mod.ts";
import { type Blocks, type Moments, openProducts } from "../../src/run/mod.ts";
import { predictabilityRow, sharesOf } from "../../src/study/causes/predictability.ts";
import { causes, divisionOf, estimate, repair, studies, untrainedCauses } from "../../src/study/mod.ts";
import { openConfig } from "../../src/subject/mod.ts";
import { onWebgpu } from "../kernels/devices.ts";
import { changeConfig, engine } from "../support.ts";
import { kept, unjudged, withTiny } from "./tiny.ts";
import { readJson } from "../fixtures/read.ts";
import { gaussian, momentsFrom, rows } from "../run/repair/sums.ts";

interface Expected {
  readonly heldOut: number;
  readonly length: number;
  readonly models: Readonly<
    Record<string, {
      readonly ids: number[][];
      /** Shares: the mean's, the own token's, the rest. */
      readonly layers: Readonly<Record<typeof MODULES[number], [number, number, number]>>[];
    }>
  >;
}

const expected: Expected = await readJson("tests/fixtures/predictability.json");

function blocksOf(ids: readonly number[][]): Blocks {
  return { ids: Int32Array.from(ids.flat()), samples: ids.length, length: ids[0].length };
}

/**
 * Streams are float32 here and float64 there. An update is a difference of streams, so it is off by about 1e-6 of itself after a few
 * layers; a share, which is a ratio of squares, by twice that. The weakest ridge would multiply this, but it is not chosen.
 */
const TOLERANCE = 1e-5;

for (const [name, { ids, layers }] of Object.entries(expected.models)) {
  const check = (device: typeof engine) =>
    withTiny(async ({ model }) => {
      const running = { model, options: { engine: device } };
      const row = await predictabilityRow(running, blocksOf(ids), expected.heldOut);
      assert.equal(row.length, layers.length);
      layers.forEach((layer, l) => {
        for (const module of MODULES) {
          const { mean, ownToken, rest } = row[l][module]!;
          [mean, ownToken, rest].forEach((share, i) =>
            assert.ok(
              Math.abs(share - layer[module][i]) < TOLERANCE,
              `${module} ${l}: ${[mean, ownToken, rest]}, expected ${layer[module]}`,
            )
          );
        }
      });
    }, name);
  Deno.test(`${name}: shares are NumPy's in float64`, () => check(engine));
  onWebgpu(`${name}: shares on the GPU are NumPy's in float64`, check, Deno.test);
}

Deno.test("attention over a single token is a linear function of that token", () =>
  withTiny(async ({ model }) => {
    const samples = 240;
    const ids = Int32Array.from({ length: samples }, (_, i) => i % 64);
    const row = await predictabilityRow({ model, options: { engine } }, { ids, samples, length: 1 }, 60);
    for (const { attention, mlp } of row) {
      assert.ok(attention!.rest < 1e-6, `${attention!.rest}`);
      assert.ok(mlp!.rest < 1); // all tokens of the last samples were in the first ones
    }
  }));

const D = 8;

/** Moments of tokens with the same weight, their inputs normal, and targets that follow from inputs or not. */
function moments(tokens: number, draw: () => number, target: (u: number[]) => number[]): Moments {
  const inputs = rows(draw, tokens, D);
  return momentsFrom(inputs, inputs.map(target));
}

Deno.test("a linear target is predicted, a constant one is all mean, and noise is neither", async () => {
  const products = await openProducts(engine);
  const shares = async (target: (u: number[], draw: () => number) => number[]) => {
    const draw = gaussian(27);
    const [training, held] = [4000, 1000].map((tokens) => moments(tokens, draw, (u) => target(u, draw)));
    return (await sharesOf(training, held, products))!;
  };
  const turned = await shares((u) => u.map((_, i) => u[(i + 1) % D] - 2 * u[i]));
  assert.ok(turned.rest < 1e-12 && turned.mean < 1e-2 && turned.ownToken > 0.99); // the ridge's share, 1e-8 squared
  const constant = await shares((u) => u.map((_, i) => i - 3));
  assert.ok(constant.mean > 1 - 1e-12 && constant.rest < 1e-12);
  const shifted = await shares((u) => u.map((value) => value + 1)); // half of the square is the mean's
  assert.ok(Math.abs(shifted.mean - 0.5) < 0.05 && shifted.rest < 1e-12);
  const noise = await shares((u, draw) => u.map(draw));
  assert.ok(noise.rest > 0.99 && noise.rest <= 1 && noise.mean >= 0 && noise.ownToken >= 0);
  const zero = await sharesOf(
    moments(100, gaussian(27), () => Array(D).fill(0)),
    moments(9, gaussian(27), () => Array(D).fill(0)),
    products,
  );
  assert.equal(zero, null);
  await products.release();
});

const shared = { samples: 2, length: 16, effectSamples: 0 };

Deno.test("the study measures predictability on samples of its own, beside all else that an earlier run kept", () =>
  withTiny(async ({ model, options }) => {
    const text = { ...options, ...shared };
    const plain = await causes(model, text);
    assert.equal(plain.predictability, undefined);
    assert.ok(!plain.correlations.some(({ cause }) => cause === "predictable"));
    const notices: string[] = [];
    const onNotice = (line: string) => notices.push(line);
    const result = await causes(model, { ...text, predictabilitySamples: 8, onNotice });
    assert.equal(notices.length, 1);
    assert.match(notices[0], /^causes in \w+: all but predictability reused from an earlier run$/);
    assert.deepEqual(result, await causes(model, { ...text, predictabilitySamples: 8, results: undefined }));
    const { predictability, ...rest } = result;
    assert.deepEqual(result.provenance.causes.predictability, { samples: 8, length: 16, heldOut: 2 });
    const others = ({ correlations, provenance: _, ...measured }: Partial<Causes>) => ({
      ...measured,
      correlations: correlations!.filter(({ cause }) => cause !== "predictable"),
    });
    assert.deepEqual(others(rest), others(plain));
    for (const module of MODULES) {
      const { mean, ownToken, rest } = predictability![module];
      mean.forEach((share, l) => assert.ok(Math.abs(share! + ownToken[l]! + rest[l]! - 1) < 1e-12));
      const { values } = result.correlations.find((own) =>
        own.module === module && own.cause === "predictable"
      )!;
      assert.deepEqual(values, rest.map((share) => 1 - share!));
    }
    const files = kept(options.results).filter((name) => name.startsWith("causes-"));
    const read = await Promise.all(files.map((file) => readResult(`${options.results}/${file}`, "causes")));
    assert.equal(read.length, 2);
    assert.ok(read.some((own) => JSON.stringify(own) === JSON.stringify(result)));
    assert.deepEqual(await causes(model, { ...text, predictabilitySamples: 8 }), result);
  }));

Deno.test("too few tokens give nulls, and cost nothing", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const few = { ...options, ...shared, predictabilitySamples: 2 }; // 16 tokens for 32 numbers
    const none = (await estimate("causes", model, { ...options, ...shared })).modules;
    assert.equal((await estimate("causes", model, few)).modules, none);
    for (const predictabilitySamples of [1, 2]) {
      const { predictability, correlations } = await causes(model, { ...few, predictabilitySamples });
      for (const module of MODULES) {
        assert.deepEqual(predictability![module].rest, [null, null, null]);
      }
      const { rank, layers } = correlations.find(({ cause }) => cause === "predictable")!;
      assert.deepEqual([rank, layers], [null, 0]);
    }
  }));

Deno.test("a shard has predictability whole, and a module that is absent has none", () =>
  withTiny(async ({ model, folder, options }) => {
    const wanted = { ...options, ...shared, predictabilitySamples: 8 };
    const { stages } = await divisionOf(await studies.causes.work(model, wanted), options);
    assert.deepEqual(stages.map(({ costs }) => costs.length), [2, 1, 1]); // the full model and the sink rate; smoothing; predictability
    await changeConfig(folder, { drop_attn_list: [1], drop_mlp_list: [2] });
    const { predictability } = await causes(folder, wanted);
    const absent = MODULES.map((module) => predictability![module].rest.map((share) => share === null));
    assert.deepEqual(absent, [[false, true, false], [false, false, true]]);
  }));

Deno.test("modules that a plan replaces are what it puts in their place: all mean, or a map of the own token", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const text = { ...options, ...unjudged };
    const constant = await repair(model, { attention: [1] }, { ...text, by: "mean" });
    const mapped = await repair(model, { mlp: [2] }, { ...text, by: "linear" });
    const drop = { attention: [0], mlp: [], changes: [...constant.changes!, ...mapped.changes!] };
    const { predictability } = await causes(model, {
      ...options,
      ...shared,
      drop,
      predictabilitySamples: 16,
    });
    const { attention, mlp } = predictability!;
    assert.equal(attention.rest[0], null);
    assert.ok(attention.mean[1]! > 1 - 1e-9);
    assert.ok(mlp.rest[2]! < 1e-9 && mlp.mean[2]! < 0.9);
    // Of 29 different tokens with 32 numbers each, a linear function gives anything: but not what comes from others.
    assert.ok(mlp.rest[0]! < 1e-9 && attention.rest[2]! > 0.01);
  }));

Deno.test("an untrained model has predictability too", async () => {
  const named = await openConfig("mistral-7b");
  const options = { layers: 2, hidden: 64, heads: 4, ...shared, predictabilitySamples: 8, engine };
  const { predictability } = await untrainedCauses(named, options);
  for (const module of MODULES) {
    for (const share of predictability![module].rest) assert.ok(share! >= 0 && share! <= 1);
  }
});
