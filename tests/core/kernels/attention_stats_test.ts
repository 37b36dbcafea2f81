import assert from "node:assert/strict";
import type { Engine } from "core/engine/mod.ts";
import { type AttentionInput, attentionStats, readAttentionStats } from "core/kernels/mod.ts";
import { attentionStatsReference } from "core/kernels/attention_stats.ts";
import { PATTERN_NAMES, queryPositions } from "core/measure/mod.ts";
import { tolerances } from "./attention_tolerances.ts";
import { refuses } from "../../support.ts";
import { assertWithin, computed, onWebgpu } from "./devices.ts";
import { normals } from "./token_states.ts";

type Sizes = Omit<AttentionInput, "q" | "k" | "scale">;

function random(sizes: Sizes, seed: number, spread = 1.5): AttentionInput {
  const { tokens, heads, keyHeads, size } = sizes;
  const q = normals(tokens * heads * size, seed, spread);
  const k = normals(tokens * keyHeads * size, seed + 1, spread);
  return { ...sizes, q, k, scale: 1 / Math.sqrt(size) };
}

/** Every key the same: uniform attention, whatever the query. */
function uniform(sizes: Sizes): AttentionInput {
  const input = random(sizes, 50);
  const row = sizes.keyHeads * sizes.size;
  for (let t = 1; t < sizes.tokens; t++) input.k.copyWithin(t * row, 0, row);
  return input;
}

/** Query t and key t share a direction of their own, far longer than the rest: all attention on one key. */
function oneHot(sizes: Sizes): AttentionInput {
  const input = random(sizes, 60, 0.1);
  for (let t = 0; t < sizes.tokens; t++) {
    input.k[t * sizes.size + t % sizes.size] += 30;
    input.q[t * sizes.size + t % sizes.size] += 30;
  }
  return input;
}

/** Token 0 carries a channel of 500 that every query reads: a sink, as massive activations make one. */
function sink(sizes: Sizes): AttentionInput {
  const input = random(sizes, 70);
  input.k[0] = 500;
  for (let i = 0; i < input.q.length; i += sizes.size) input.q[i] = 0.2;
  return input;
}

const wide = { tokens: 301, heads: 2, keyHeads: 1, size: 24 };
const cases: Record<string, AttentionInput> = {
  "one token": random({ tokens: 1, heads: 1, keyHeads: 1, size: 5 }, 1),
  "fewer than 16 keys": random({ tokens: 9, heads: 2, keyHeads: 2, size: 8 }, 2),
  "one whole tile": random({ tokens: 64, heads: 2, keyHeads: 1, size: 32 }, 3),
  "one token more than a tile": random({ tokens: 65, heads: 3, keyHeads: 1, size: 64 }, 4),
  "T and E off the tile, grouped heads": random({ tokens: 150, heads: 6, keyHeads: 2, size: 20 }, 5),
  "large heads": random({ tokens: 70, heads: 1, keyHeads: 1, size: 256 }, 6),
  "sharp": random({ tokens: 130, heads: 2, keyHeads: 2, size: 64 }, 7, 4),
  "window within a tile": random({ tokens: 150, heads: 2, keyHeads: 1, size: 16, window: 10 }, 8),
  "window across tiles": random({ tokens: 220, heads: 1, keyHeads: 1, size: 16, window: 100 }, 9),
  "window of one": random({ tokens: 66, heads: 1, keyHeads: 1, size: 16, window: 1 }, 10),
  "window wider than T": random({ tokens: 30, heads: 1, keyHeads: 1, size: 16, window: 4096 }, 11),
  "soft cap": random({ tokens: 100, heads: 2, keyHeads: 1, size: 32, softcap: 3 }, 12, 3),
  "soft cap far off": random({ tokens: 80, heads: 1, keyHeads: 1, size: 32, softcap: 50 }, 13, 12),
  "every 8th query": random({ tokens: 300, heads: 2, keyHeads: 2, size: 16, stride: 8 }, 14),
  "every 3rd query, window, soft cap": random({ ...wide, stride: 3, window: 70, softcap: 5 }, 15),
  "a stride longer than T": random({ tokens: 20, heads: 1, keyHeads: 1, size: 16, stride: 100 }, 16),
  "uniform": uniform({ tokens: 140, heads: 2, keyHeads: 1, size: 16 }),
  "one-hot": oneHot({ tokens: 90, heads: 1, keyHeads: 1, size: 100 }),
  "sink": sink({ tokens: 200, heads: 4, keyHeads: 2, size: 64 }),
  "sink outside the window": sink({ tokens: 200, heads: 2, keyHeads: 2, size: 64, window: 32 }),
};

/** The statistics of samples of the same sizes, made together. */
async function onSamples(engine: Engine, samples: readonly AttentionInput[]) {
  const { q: _q, k: _k, ...sizes } = samples[0];
  const all = (name: "q" | "k") => Float32Array.from(samples.flatMap((sample) => [...sample[name]]));
  const { tokens, heads, keyHeads, size } = sizes;
  const rows = samples.length * tokens;
  const { stats } = await computed(
    engine,
    { q: [[rows, heads * size], all("q")], k: [[rows, keyHeads * size], all("k")] },
    async ({ q, k }) => ({ stats: await attentionStats(engine, { q, k }, samples.length, sizes) }),
  );
  const length = stats.length / samples.length;
  return samples.map((_, i) => readAttentionStats(stats.subarray(i * length, (i + 1) * length), sizes));
}

for (const [name, input] of Object.entries(cases)) {
  onWebgpu(`attention_stats equals its reference: ${name}`, async (engine) => {
    const [actual] = await onSamples(engine, [input]);
    const expected = attentionStatsReference(input);
    assert.deepEqual(actual.positions, expected.positions);
    const { length } = expected.positions;
    const rows = Array.from(
      { length: input.heads * length },
      (_, i) => tolerances(input, Math.floor(i / length), expected.positions[i % length]),
    );
    for (const stat of PATTERN_NAMES) {
      const wanted = expected.stats[stat];
      assertWithin(`${name}: ${stat}`, actual.stats[stat], wanted, (i) => rows[i][stat](wanted[i]));
    }
  });
}

onWebgpu("attention_stats of several samples are those of each alone", async (engine) => {
  const sizes = { tokens: 70, heads: 4, keyHeads: 2, size: 24, window: 40, stride: 3 };
  const samples = [20, 30, 40].map((seed) => random(sizes, seed));
  const together = await onSamples(engine, samples);
  for (const [i, sample] of samples.entries()) {
    assert.deepEqual(together[i], (await onSamples(engine, [sample]))[0]);
  }
});

Deno.test("attention_stats: the reference on patterns whose answer is known", () => {
  const even = attentionStatsReference(cases["uniform"]).stats;
  const last = 139;
  assert.ok(Math.abs(even.entropy[last] - Math.log(140)) < 1e-12);
  assert.ok(Math.abs(even.normalizedEntropy[last] - 1) < 1e-12);
  assert.ok(Math.abs(even.firstShare[last] - 1 / 140) < 1e-15);
  assert.ok(Math.abs(even.effectiveKeys[last] - 140) < 1e-9);
  assert.ok(Math.abs(even.top16Mass[last] - 16 / 140) < 1e-14);
  assert.equal(even.belowOnePercent[last], 0);
  assert.ok(Math.abs(even.meanDistance[last] - 69.5) < 1e-10);

  const hot = attentionStatsReference(cases["one-hot"]).stats;
  assert.ok(Math.max(hot.entropy[89], Math.abs(hot.effectiveKeys[89] - 1)) < 1e-12);
  assert.ok(hot.meanDistance[89] < 1e-10);
  assert.equal(hot.belowOnePercent[89], 89 / 90);

  const sunk = attentionStatsReference(cases["sink"]).stats;
  assert.ok(sunk.firstShare[199] > 0.3, `share ${sunk.firstShare[199]}`);
  const windowed = attentionStatsReference(cases["sink outside the window"]).stats;
  assert.equal(windowed.firstShare[32], 0);
  assert.ok(windowed.firstShare[31] > 0.3);
});

Deno.test("attention_stats: strided queries are centred and within range", () => {
  assert.deepEqual(queryPositions(5, 1), [0, 1, 2, 3, 4]);
  assert.deepEqual(queryPositions(16, 8), [4, 12]);
  assert.deepEqual(queryPositions(13, 8), [4, 12]);
  assert.deepEqual(queryPositions(3, 8), [2]);
});

Deno.test("attention_stats refuses sizes that do not fit together", () => {
  const input = random({ tokens: 4, heads: 4, keyHeads: 2, size: 8 }, 1);
  const call = (change: Partial<AttentionInput>) => attentionStatsReference({ ...input, ...change });
  return refuses("Cannot measure attention: ", call, [
    [{ keyHeads: 3 }, "4 heads, expected a multiple of 3 key heads"],
    [{ window: 0 }, "window is 0, expected a positive integer"],
    [{ stride: 1.5 }, "stride is 1.5, expected a positive integer"],
    [{ softcap: -1 }, "softcap is -1, expected at least 0"],
  ]);
});
