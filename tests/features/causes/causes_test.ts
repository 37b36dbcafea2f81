/** The study of causes end to end on tiny models: what it says, by hand where that is possible; what is kept and refused. */
import assert from "node:assert/strict";
import { mean, PATTERN_NAMES, rankInterval, spearman } from "core/measure/mod.ts";
import { causes, type PatternsRow } from "features/causes/mod.ts";
import { dropsIn } from "core/study/plan.ts";
import { profile } from "features/profile/mod.ts";
import { repair } from "features/repair/mod.ts";
import { sinkOf } from "features/causes/means.ts";
import { openModel } from "core/subject/mod.ts";
import { writeSafetensors } from "../../buffer.ts";
import { onWebgpu } from "../../core/kernels/devices.ts";
import { stateTolerance } from "../../model.ts";
import { stretched } from "../../small.ts";
import { changeConfig, copyModel, near, tensorsIn, thorough, UNIT, withFolder } from "../../support.ts";
import { kept, MEANS, unjudged, withTiny } from "../../core/study/tiny.ts";

const finite = (values: readonly (number | null)[]) => values.every((value) => Number.isFinite(value));

Deno.test("sink scores are means over samples; the rate counts every layer, head and sample by itself", () => {
  // Two heads of layer 0; layer 1 has no softmax attention. In the mean over samples, no head is above 0.3.
  const samples = [[0.5, 0.1], [0.05, 0.2]].map((firstShare): PatternsRow => {
    const means = Object.fromEntries(PATTERN_NAMES.map((name) => [name, firstShare]));
    return [means as NonNullable<PatternsRow[number]>, null];
  });
  const { score, rate } = sinkOf(samples, 0.3);
  assert.equal(rate, 1 / 4);
  [0.275, 0.15].forEach((mean, head) => near(score[0]![head]!, mean, 1e-12));
  assert.equal(score[1], null);
});

Deno.test("the study says its settings, and has a profile's importances", () =>
  withTiny(async ({ model, options }) => {
    const result = await causes(model, options);
    assert.deepEqual(result.provenance.causes, {
      queryStride: 1,
      drops: [0], // three layers: neither 4 nor 8 can be dropped
      sink: { samples: 1, length: 64, threshold: 0.3 },
      effects: { samples: 2, length: 16 },
    });
    const { attention, mlp, streamNorm } = await profile(model, options);
    for (const key of MEANS) {
      assert.deepEqual(result.attention[key], attention[key]);
      assert.deepEqual(result.mlp[key], mlp[key]);
    }
    assert.deepEqual(result.streamNorm, streamNorm);
    assert.equal(result.norm, "pre");
    assert.ok(finite(result.effectiveRank.layers) && result.effectiveRank.embedding! > 1);
  }));

Deno.test("causes under a plan are those of the changed model, and are kept apart from the full model's", () =>
  withTiny(async ({ model, folder, options }) => {
    const full = await causes(model, options);
    const fitted = { text: `${folder}/text.txt`, ...unjudged, engine: "cpu" } as const;
    for (const by of ["linear", "refit", null] as const) {
      const dropped = { attention: [1] };
      const drop = by === null ? dropped : await repair(model, dropped, { ...fitted, by });
      const found = await causes(model, { ...options, drop });
      assert.deepEqual(found.provenance.drop, dropsIn(model, drop));
      const { attention, mlp } = await profile(model, { ...options, drop });
      assert.deepEqual(found.attention.importance, attention.importance);
      assert.deepEqual(found.mlp.importance, mlp.importance);
      assert.equal(found.attention.importance[1] === null, by !== "linear");
      assert.equal(found.patterns.entropy[1], null);
      assert.equal(found.patterns.entropy[0] !== null, full.patterns.entropy[0] !== null);
      assert.equal(found.effects!.attention.attention[1].every((value) => value === null), by !== "linear");
    }
    assert.equal(kept(options.results).filter((name) => name.startsWith("causes-")).length, 4);
  }));

/** Numbers by their path in a result; anything else is left out. */
function numbersIn(value: unknown, path: string): [path: string, number: number][] {
  if (typeof value === "number") return [[path, value]];
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, inner]) => numbersIn(inner, `${path}.${key}`));
}

/**
 * Each engine's states are off by `stateTolerance` of the largest. What is measured of them are means of products of two, so off by
 * twice that from either engine, relative to itself; where parts of either sign add up, or samples are subtracted, relative to 1 or
 * to the mean. A share of entries below a threshold is off by whole entries, and left out.
 */
for (const name of ["llama", "gemma2", "gemma3", "neox-parallel"]) {
  onWebgpu(
    `${name}: the causes, by kernels over the engine's memory, are the CPU's`,
    (device) =>
      withTiny(async ({ model, options }) => {
        const told = { ...options, queryStride: 3 };
        const cpu = await causes(model, told);
        const found = await causes(model, { ...told, engine: device });
        assert.equal(found.provenance.engine, "webgpu");
        assert.equal(kept(options.results).filter((name) => name.startsWith("causes")).length, 2);
        const tolerance = 4 * stateTolerance(model.spec);
        const parts = ["attention", "mlp", "patterns", "smoothing", "effects", "effectiveRank"] as const;
        for (const part of [...parts, "streamNorm"] as const) {
          const expected = numbersIn(cpu[part], part);
          const actual = new Map(numbersIn(found[part], part));
          assert.equal(actual.size, expected.length);
          for (const [path, value] of expected) {
            if (/belowOnePercent/.test(path)) continue;
            const size = Math.max(/sign|standardError|Spread/.test(path) ? 1 : 0, Math.abs(value));
            near(actual.get(path)!, value, tolerance * size, path);
          }
        }
      }, name),
    name === "llama" ? Deno.test : thorough,
  );
}

for (const family of ["llama", "neox-parallel"]) {
  Deno.test(`${family}: correlations are Spearman's over the layers, of the stream that each module reads`, () =>
    withTiny(async ({ model, options }) => {
      const result = await causes(model, { ...options, effectSamples: 0 });
      const { correlations, smoothing: [{ embedding, attention, mlp }] } = result;
      const entering = [embedding.meanCosine!, ...mlp.meanCosine.mean.slice(0, -1)];
      const find = (module: string, cause: string) =>
        correlations.find((entry) => entry.module === module && entry.cause === cause)!;
      assert.deepEqual(find("attention", "meanCosine").values, entering);
      const read = family === "llama" ? attention.meanCosine.mean : entering; // in a parallel layer both read what enters it
      assert.deepEqual(find("mlp", "meanCosine").values, read);
      const keys = result.patterns.effectiveKeys.map((heads) => mean(heads as number[]));
      assert.deepEqual(find("attention", "effectiveKeys").values, keys);
      assert.equal(find("mlp", "effectiveKeys"), undefined);
      for (const { module, values, rank, low, high, layers } of correlations) {
        assert.equal(layers, 3);
        const expected = spearman(values as number[], result[module].importance as number[]);
        assert.equal(rank, Number.isNaN(expected) ? null : expected);
        assert.deepEqual([low, high], rankInterval(expected, 3) ?? [null, null]);
      }
    }, family));
}

Deno.test("the reach of each drop is on later layers only, and of the samples that the result names", () =>
  withTiny(async ({ model, options }) => {
    const { effects } = await causes(model, { ...options, effectSamples: 4 });
    for (const of of Object.values(effects!).flatMap(({ attention, mlp }) => [attention, mlp])) {
      of.forEach((row, s) => row.forEach((value, l) => assert.ok(l > s ? value! > 0 : value === null)));
    }
    const fewer = await causes(model, { ...options, effectSamples: 1 });
    assert.notDeepEqual(fewer.effects, effects);
    assert.deepEqual(fewer.provenance.causes.effects, { samples: 1, length: 16 });
  }));

/** A copy of an opened folder whose MLP of layer 1 writes `factor` times as much into one dimension. */
async function withSpike(
  folder: string,
  dimension: number,
  factor: number,
  use: (folder: string) => Promise<void>,
) {
  await withFolder(async (spiked) => {
    const tensors = await tensorsIn(folder);
    const name = [...tensors.keys()].find((name) => /layers\.1\.mlp\.down_proj\.weight$/.test(name))!;
    const { shape: [, width], data, ...rest } = tensors.get(name)!;
    const scaled = Float32Array.from(
      data as Float32Array,
      (value, i) => Math.floor(i / width) === dimension ? value * factor : value,
    );
    tensors.set(name, { ...rest, shape: [scaled.length / width, width], data: scaled });
    await copyModel(folder, spiked, "tokenizer.json");
    await writeSafetensors(`${spiked}/model.safetensors`, tensors);
    await use(spiked);
  });
}

Deno.test("massive activations are found in the layer and dimension where they were put", () =>
  withTiny(async ({ model: plain, folder, options }) => {
    const none = { ...options, effectSamples: 0 };
    assert.deepEqual((await causes(plain, none)).massive, { places: 0, largest: [] });
    await withSpike(folder, 5, 1e6, async (spiked) => {
      using model = await openModel(spiked);
      const { massive: { places, largest } } = await causes(model, none);
      assert.equal(largest.length, Math.min(places, 50));
      assert.deepEqual([...new Set(largest.map(({ dimension }) => dimension))], [5]);
      assert.deepEqual([...new Set(largest.map(({ layer }) => layer))].sort(), [1, 2]);
      for (const { writer, value, layer, position, samples } of largest) {
        assert.ok(Math.abs(value) > 100 && position < 16 && samples <= 4);
        assert.deepEqual({ ...writer, added: 0 }, { module: "mlp", layer: 1, added: 0 });
        // The stream before it, and all later modules, are of the size of 1: that is what the spike is a million times as large as.
        if (layer === 1) near(value / writer!.added, 1, 1e-2);
      }
      assert.deepEqual(largest, largest.toSorted((a, b) => Math.abs(b.value) - Math.abs(a.value)));
    });
  }));

Deno.test("modules that the checkpoint lacks have null in every list", () =>
  withTiny(async ({ folder, options }) => {
    await changeConfig(folder, { drop_attn_list: [1], drop_mlp_list: [2] });
    using model = await openModel(folder);
    const result = await causes(model, options);
    const without = (values: readonly unknown[]) => values.map((value) => value === null);
    for (const values of [result.attention.norm, result.patterns.entropy, result.sink.score]) {
      assert.deepEqual(without(values), [false, true, false]);
    }
    assert.deepEqual(without(result.mlp.norm), [false, false, true]);
    assert.deepEqual(without(result.smoothing[0].attention.meanCosine.mean), [false, true, false]);
    assert.deepEqual(result.effects!.attention.mlp[1], [null, null, null]);
    assert.deepEqual(result.effects!.mlp.attention[0].map((value) => value === null), [true, true, false]);
  }));

Deno.test("smoothing under drops is of the least important modules", () =>
  withTiny(async ({ folder, options }) => {
    const tensors = await stretched(folder, 3, 9);
    await withFolder(async (longer) => {
      await copyModel(folder, longer, "tokenizer.json");
      await changeConfig(longer, { num_hidden_layers: 9 });
      await writeSafetensors(`${longer}/model.safetensors`, tensors);
      using model = await openModel(longer);
      const result = await causes(model, { ...options, effectSamples: 0 });
      const lowest = (kind: "attention" | "mlp", n: number) =>
        result[kind].importance.map((score, layer) => ({ layer, score: score! }))
          .sort((a, b) => a.score - b.score || b.layer - a.layer).slice(0, n).map(({ layer }) => layer)
          .sort((a, b) => a - b);
      assert.deepEqual(result.smoothing.map(({ drop }) => drop), [
        { attention: [], mlp: [] },
        { attention: lowest("attention", 4), mlp: [] },
        { attention: lowest("attention", 8), mlp: [] },
        { attention: [], mlp: lowest("mlp", 4) },
        { attention: [], mlp: lowest("mlp", 8) },
      ]);
      result.smoothing.forEach(({ drop, attention, mlp }) => {
        attention.meanCosine.mean.forEach((value, l) =>
          assert.equal(value === null, drop.attention.includes(l))
        );
        mlp.meanCosine.mean.forEach((value, l) => assert.equal(value === null, drop.mlp.includes(l)));
      });
      assert.equal(result.effects, null);
    });
  }));

Deno.test("every update of a Peri-LN model whose norms have no scale has the length √D", () =>
  withTiny(async ({ model: scaled, folder, options }) => {
    const none = { ...options, effectSamples: 0 };
    assert.ok((await causes(scaled, none)).mlp.normSpread.every((spread) => spread! > 0.01));
    const tensors = await tensorsIn(folder);
    for (const [name, { data }] of tensors) {
      if (/\.post_\w+_layernorm\./.test(name)) (data as Uint16Array).fill(0); // Gemma's norms add 1 to it
    }
    await withFolder(async (plain) => {
      await copyModel(folder, plain, "tokenizer.json");
      await changeConfig(plain, { rms_norm_eps: 1e-12 }); // nothing beside the mean square of any update
      await writeSafetensors(`${plain}/model.safetensors`, tensors);
      using model = await openModel(plain);
      const { norm, attention, mlp } = await causes(model, none);
      assert.equal(norm, "peri");
      // Rounding is D u of the sum of squares at most.
      const off = 32 * UNIT;
      for (const length of [...attention.norm, ...mlp.norm]) near(length! / Math.sqrt(32), 1, off);
      for (const spread of [...attention.normSpread, ...mlp.normSpread]) assert.ok(spread! <= off);
    });
  }, "gemma2"));
