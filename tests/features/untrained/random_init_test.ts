/** The study of untrained models: Hugging Face's numbers in the mean, seeds, overrides, what is kept, what is refused. */
import assert from "node:assert/strict";
import { mean, standardError } from "core/measure/mod.ts";
import { initialiserOf, randomWeights, readSpec } from "core/models/mod.ts";
import { estimate, readResult, writeResult } from "features/by_name.ts";
import { overSeeds, predictInit, randomInit } from "features/untrained/mod.ts";
import { openConfig } from "core/subject/mod.ts";
import { fixtureNames, readJson } from "../../fixtures/read.ts";
import { gramSums } from "../../model.ts";
import { byTurns, heard, isThorough, near, thorough, withFolder } from "../../support.ts";
import { kept } from "../../core/study/tiny.ts";

const KINDS = ["attention", "mlp", "block"] as const;

/** What fixtures/make_random_init.py wrote. */
interface Expected {
  readonly samples: number;
  readonly length: number;
  readonly ids: readonly number[];
  /** Importances by seed and layer. */
  readonly models: readonly { config: Record<string, unknown>; importance: BySeed }[];
}
type BySeed = Record<(typeof KINDS)[number], number[][]>;

const { samples, length, ids, models }: Expected = await readJson("tests/fixtures/random_init.json");

/**
 * Standard errors that two means over 8 seeds may be apart: of Student's t with 14 degrees of freedom one in 1100 is further from 0,
 * and there are 90 pairs.
 */
const ERRORS = 4.2;

for (const { config, importance } of models) {
  const name = String(config.model_type);
  Deno.test(`a random ${name}'s importances are Hugging Face's in the mean over 8 seeds`, async () => {
    const spec = readSpec(config, name);
    const initialiser = initialiserOf(config, spec, name);
    const ours: BySeed = { attention: [], mlp: [], block: [] };
    for (let seed = 0; seed < 8; seed++) {
      const weights = randomWeights(spec, { ...initialiser, seed });
      const blocks = { ids: Int32Array.from(ids), samples, length };
      const sums = await gramSums({ name, spec, weights, config }, blocks);
      weights.close();
      for (const kind of KINDS) {
        ours[kind].push(sums.map((layer) => {
          const total = (key: "distance" | "counted") =>
            layer[kind]!.reduce((sum, sample) => sum + sample[key], 0);
          return total("distance") / total("counted");
        }));
      }
    }
    for (const kind of KINDS) {
      for (let l = 0; l < spec.layers.length; l++) {
        const [a, b] = [ours[kind], importance[kind]].map((runs) => runs.map((run) => run[l]));
        const error = Math.hypot(standardError(a)!, standardError(b)!);
        near(mean(a), mean(b), ERRORS * error, `${kind} ${l}`);
        assert.ok(
          error < 0.1 * mean(b),
          `${kind} ${l}: the comparison has to be a sharp one, ${error / mean(b)}`,
        );
      }
    }
  });
}

Deno.test("an untrained model of every family is measured, at its own shape and at another", async () => {
  for (const [i, name] of fixtureNames.entries()) {
    const path = new URL(`../../fixtures/models/${name}/config.json`, import.meta.url);
    const config = JSON.parse(await Deno.readTextFile(path));
    const layers = config.num_hidden_layers ?? config.n_layer;
    for (const change of byTurns<{ layers?: number }>([{}, { layers: layers + 1 }], i)) {
      const size = { samples: 1, length: 8, engine: "cpu" } as const;
      const { mlp, attention, block } = await randomInit({ name, config }, { ...change, ...size });
      const all = [mlp, attention, block].flatMap(({ importance }) => importance);
      assert.equal(all.length, 3 * (change.layers ?? layers), name);
      assert.ok(all.every((value) => value! > 0 && value! < 2), `${name}: ${all}`);
    }
  }
});

/** A small model that costs milliseconds. */
const small = { hidden: 64, layers: 3, heads: 4, samples: 2, length: 16 };
const llama = () => openConfig("llama-3-8b");

Deno.test("a result has its form, says its initialiser and shape, and its means and spread are those of its seeds", () =>
  withFolder(async (folder) => {
    const result = await randomInit(await llama(), { ...small, seeds: 3, seed: 5 });
    await writeResult(`${folder}/result.json`, result);
    assert.deepEqual(await readResult(`${folder}/result.json`, "random-init"), result);
    assert.deepEqual(result.seeds, [5, 6, 7]);
    assert.deepEqual(result.initialiser, { std: 0.02, residualStd: 0.02 });
    assert.deepEqual(result.shape, {
      ...{ hidden: 64, layers: 3, heads: 4, kvHeads: 1, headSize: 16, feedForward: 224, vocabulary: 128256 },
      norm: "pre",
    });
    assert.equal(result.provenance.text.name, "zipf");
    assert.equal(result.provenance.model.name, "llama-3-8b (hidden 64, layers 3, heads 4)");
    assert.equal(result.provenance.model.format, "random normal, σ 0.02");
    assert.equal(result.tokens, 32);
    for (const kind of KINDS) {
      for (let l = 0; l < 3; l++) {
        const values = result[kind].bySeed.map((run) => run[l]!);
        assert.equal(new Set(values).size, 3);
        near(result[kind].importance[l]!, mean(values), 1e-12);
        near(result[kind].spread[l]!, standardError(values)! * Math.sqrt(3), 1e-12);
      }
    }
    const single = await randomInit(await llama(), { ...small, seed: 6 });
    assert.deepEqual(single.attention.importance, result.attention.bySeed[1]);
    assert.deepEqual(single.attention.spread, [null, null, null]);
  }));

Deno.test("what is drawn from, the shape and the norms change the result; Peri-LN has all modules alike", async () => {
  const named = await llama();
  const importance = async (change: Parameters<typeof randomInit>[1]) =>
    (await randomInit(named, { ...small, ...change })).attention.importance;
  const base = await importance({});
  const changes = [{ std: 0.05 }, { residualStd: 0.01 }, { heads: 8 }, { norm: "peri" }, {
    seed: 1,
  }] as const;
  for (const change of changes) assert.notDeepEqual(await importance(change), base, JSON.stringify(change));
  assert.deepEqual((await importance({ layers: 2 })).length, 2);
  const peri = await randomInit(named, { ...small, layers: 8, norm: "peri" });
  assert.equal(peri.shape.norm, "peri");
  // |a|² = |m|² = D, so after k updates 1 − cos ≈ 1/2k, whichever module: measures of one seed lie within half of it.
  for (const [i, kind] of (["attention", "mlp"] as const).entries()) {
    for (let l = 2; l < 8; l++) {
      near(peri[kind].importance[l]! * 2 * (2 * l + i), 1, 0.5, `${kind} ${l}`);
    }
  }
});

/** Shapes of every kind, small; the last has logits of such variance that few keys take most of the weight. */
type Change = { hidden: number; heads?: number; std?: number };
const predicted: [name: string, change: Change, variance: number][] = [
  ["llama-2-7b", { hidden: 512 }, 0.05],
  ["gemma-2-2b", { hidden: 576 }, 0.06],
  ["olmo-2-7b", { hidden: 512 }, 1],
  ["pythia-160m", { hidden: 384, std: 0.02 }, 0.024],
  ["llama-2-7b", { hidden: 256, heads: 2, std: 0.1 }, 6.6],
];

for (const [i, [name, change, variance]] of predicted.entries()) {
  (i < 2 ? Deno.test : thorough)(
    `${name}, logit variance ${variance}: the closed form fits the mean over seeds within 15 % from layer 2 on`,
    async () => {
      const named = await openConfig(name);
      // With three seeds, a mean's standard error is 6 % at most; the ratios are 11 % off at most.
      const size = isThorough ? { length: 128, seeds: 5 } : { length: 64, seeds: 3 };
      const options = { ...change, ...size, layers: 5, samples: 1 };
      const [measured, theory] = [await randomInit(named, options), predictInit(named, options)];
      near(theory.logitVariance / variance, 1, 0.2, "variance");
      for (const kind of KINDS) {
        for (let l = 2; l < 5; l++) {
          near(theory[kind][l] / measured[kind].importance[l]!, 1, 0.15, `${kind} ${l}`);
        }
      }
    },
  );
}

Deno.test("every seed's profile is kept: more seeds compute only the new ones", () =>
  withFolder(async (folder) => {
    const { notices, onNotice } = heard();
    const options = { ...small, results: folder, onNotice };
    const two = await randomInit(await llama(), { ...options, seeds: 2 });
    assert.equal(kept(folder).length, 2);
    assert.deepEqual(notices, []);
    const three = await randomInit(await llama(), { ...options, seeds: 3 });
    assert.equal(kept(folder).length, 3);
    assert.equal(notices.length, 2);
    assert.deepEqual(three.mlp.bySeed.slice(0, 2), two.mlp.bySeed);
    await randomInit(await llama(), { ...options, std: 0.03 });
    assert.equal(kept(folder).length, 4);
  }));

Deno.test("profiles of different models do not average", () =>
  withFolder(async (folder) => {
    for (const std of [0.02, 0.03]) await randomInit(await llama(), { ...small, results: folder, std });
    const profiles = await Promise.all(
      kept(folder).map((file) => readResult(`${folder}/${file}`, "profile")),
    );
    const made = { shape: {} as never, initialiser: { std: 1, residualStd: 1 } };
    assert.throws(() => overSeeds(profiles, made), /differ in more than their seed/);
    assert.throws(() => overSeeds([], made), RangeError);
  }));

Deno.test("a configuration without an initialiser and an unknown name are refused by name", async () => {
  const { config: { initializer_range: _, ...config } } = await llama();
  await assert.rejects(() => randomInit({ name: "bare", config }, small), /Cannot initialise bare: .*`std`/);
  await randomInit({ name: "bare", config }, { ...small, std: 0.02 });
  await assert.rejects(() => openConfig("llama-9"), /llama-9.*or one of the configurations .*llama-3-8b/);
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/config.json`, "{");
    await assert.rejects(() => openConfig(folder), SyntaxError);
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
    assert.deepEqual((await openConfig(folder)).config, config);
    assert.deepEqual((await openConfig(`${folder}/config.json`)).config, config);
  });
});

Deno.test("an estimate counts every seed, and a layer larger than memory only in parts", async () => {
  const named = await openConfig("llama-3-70b");
  const [one, three] = [
    await estimate("random-init", named, {}),
    await estimate("random-init", named, { seeds: 3 }),
  ];
  assert.deepEqual([one.modules, three.modules, three.flops], [160, 480, 3 * one.flops]);
  assert.ok(one.flops > 6e13 && one.flops < 8e13);
  assert.ok(one.bytes < 2 ** 30);
});
