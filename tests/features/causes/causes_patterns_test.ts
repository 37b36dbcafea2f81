/** Patterns of attention and the sink rate in the study of causes: means over queries, samples and heads, by the kernel's reference. */
import assert from "node:assert/strict";
import { type AttentionInput, attentionStatsReference } from "core/kernels/mod.ts";
import { mean, PATTERN_NAMES, type PatternName } from "core/measure/mod.ts";
import type { Model } from "core/models/mod.ts";
import { type Blocks, forward, noDrop, segmentsOf } from "core/run/mod.ts";
import { causes } from "features/causes/mod.ts";
import { packText } from "core/subject/mod.ts";
import { inputsProbe, tolerances } from "../../core/run/attention_tolerances.ts";
import { engine, near } from "../../support.ts";
import { withTiny } from "../../core/study/tiny.ts";

/** Queries and keys of every layer and sample, and their statistics by the kernel's reference. */
async function statsOf(model: Model, blocks: Blocks, stride = 1): Promise<Seen[][]> {
  const seen = inputsProbe(model.spec.layers, stride);
  await forward({ model, engine, segments: segmentsOf(blocks), plans: [noDrop], probes: [seen] });
  return seen.inputs.map((own) => own.map((input) => ({ input, ...attentionStatsReference(input) })));
}

type Seen = ReturnType<typeof attentionStatsReference> & { input: AttentionInput };

/**
 * Means over queries and samples of a statistic by head, as they should be, and how far off they may be: a mean by no more
 * than the mean of what its parts may be off by.
 */
function expectedMeans(samples: readonly Seen[], name: PatternName) {
  return Array.from({ length: samples[0].input.heads }, (_, h) => {
    const queries = samples.map(({ input, positions, stats }) =>
      // A query that sees itself alone has no entropy to normalise.
      positions.flatMap((position, i) => {
        if (name === "normalizedEntropy" && position === 0) return [];
        const value = stats[name][h * positions.length + i];
        return [{ value, off: tolerances(input, h, position)[name](value) }];
      })
    );
    const over = (key: "value" | "off") =>
      mean(queries.map((sample) => mean(sample.map((query) => query[key]))));
    return { value: over("value"), off: over("off") };
  });
}

function checkMeans(measured: readonly (number | null)[], expected: ReturnType<typeof expectedMeans>) {
  assert.equal(measured.length, expected.length);
  expected.forEach(({ value, off }, h) => near(measured[h]!, value, off));
}

for (const [name, stride] of [["llama", 1], ["gemma2", 1], ["gemma3", 3]] as const) {
  Deno.test(`${name}: patterns are means over queries and samples of one query in ${stride}; so is the sink rate`, () =>
    withTiny(async ({ model, options }) => {
      const result = await causes(model, { ...options, queryStride: stride, effectSamples: 0 });
      const text = { text: options.text!, samples: 4, length: 16, skip: 0, bos: false };
      const seen = await statsOf(model, (await packText(model, text)).blocks, stride);
      seen.forEach((samples, l) => {
        for (const name of PATTERN_NAMES) checkMeans(result.patterns[name][l]!, expectedMeans(samples, name));
      });
      const published = await packText(model, { ...text, samples: 1, length: 64 });
      const stats = await statsOf(model, published.blocks);
      const scores = stats.map((samples) => expectedMeans(samples, "firstShare"));
      scores.forEach((expected, l) => checkMeans(result.sink.score[l]!, expected));
      const all = scores.flat();
      assert.equal(result.sink.rate, all.filter(({ value }) => value > 0.3).length / all.length);
    }, name));
}
