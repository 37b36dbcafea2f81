/** A small trial of each kernel on an engine: that it compiles, runs, and gives the numbers of its plain reference. */
import { freed } from "../entry/mod.ts";
import { type Engine, type Held, take, withUploaded } from "../engine/mod.ts";
import { PATTERN_NAMES } from "../measure/mod.ts";
import { elements, fillNormal, fillRows, float32, streamKeys } from "../tensor/mod.ts";
import { attentionStats, attentionStatsReference, readAttentionStats } from "./attention_stats.ts";
import { layerGram, layerGramReference } from "./layer_gram.ts";
import { normalDraw } from "./random_normal.ts";
import { readSmoothingSums, tokenSmoothing, tokenSmoothingReference } from "./token_smoothing.ts";

type Device = Pick<Engine, "name" | "access" | "upload" | "read">;

type Numbers = ArrayLike<number>;

interface Trial {
  readonly within: number;
  readonly numbers: Readonly<Record<string, readonly [found: Numbers, expected: Numbers]>>;
}

/**
 * Sums of at most 200 terms, each rounded a few times, relative to the largest number there is: 2⁻²⁴ · 200 · 5, and as much for
 * exponentials, whose rounding WGSL leaves open. A kernel that is wrong is off by far more.
 */
const SUMS = 2 ** -13;

/** Actual and expected results of each kernel, by name; numbers may be off by `within` of the largest. */
const trials: Record<string, (engine: Device) => Promise<Trial>> = {
  async random_normal(engine) {
    const rows = { keys: streamKeys(1, 2, 3), first: 5, width: 40, stride: 101, scale: 0.02 };
    const expected = new Float32Array(40 * 50);
    fillRows(expected, rows);
    using draw = freed(normalDraw(engine));
    const numbers = await read(engine, await draw.fill([50, 40], rows));
    return { within: 0, numbers: { numbers: [numbers, expected] } };
  },
  async layer_gram(engine) {
    const [x, attention, mlp] = [1, 2, 3].map((seed) => normals([20, 100], seed));
    const gram = await withUploaded(engine, { x, attention, mlp }, async ({ x, attention, mlp }) => {
      return await read(engine, await layerGram(engine, { x, attention, mlp, parallel: false }));
    });
    const data = { x: x.data, attention: attention.data, mlp: mlp.data, parallel: false };
    const expected = layerGramReference(data, 100);
    return { within: SUMS, numbers: { gram: [gram, expected] } };
  },
  async token_smoothing(engine) {
    const [tokens, width] = [140, 70];
    const x = normals([tokens, width], 4);
    const sums = await withUploaded(engine, { x }, async ({ x }) => {
      const { squares, sums, gram } = await tokenSmoothing(engine, x, 1, tokens);
      const [a, b, c] = await Promise.all([squares, sums, gram].map((held) => read(engine, held)));
      return readSmoothingSums({ squares: a, sums: b, gram: c }, width);
    });
    const expected = tokenSmoothingReference({ tokens, width, x: x.data });
    return {
      within: SUMS,
      numbers: {
        "sum of states": [sums.sum, expected.sum],
        "sum of directions": [sums.unitSum, expected.unitSum],
        "sum of squares": [[sums.squares, sums.gramSquares], [expected.squares, expected.gramSquares]],
      },
    };
  },
  async attention_stats(engine) {
    const sizes = { tokens: 100, heads: 4, keyHeads: 2, size: 16, scale: 0.25, window: 70, softcap: 5 };
    const [q, k] = [normals([100, 64], 5), normals([100, 32], 6)];
    const stats = await withUploaded(engine, { q, k }, async ({ q, k }) => {
      return await read(engine, await attentionStats(engine, { q, k }, 1, sizes));
    });
    const found = readAttentionStats(stats, sizes).stats;
    const expected = attentionStatsReference({ ...sizes, q: q.data, k: k.data }).stats;
    // A share may fall on the other side of the 1 % that is counted: one of few entries.
    const names = PATTERN_NAMES.filter((name) => name !== "belowOnePercent");
    const numbers = names.map((name) => [name, [found[name], expected[name]]]);
    return { within: SUMS, numbers: Object.fromEntries(numbers) };
  },
};

export const kernelNames: readonly string[] = Object.keys(trials);

/** Runs a kernel on an engine and compares it with its plain reference. Throws `Error` that says what is wrong. */
export async function tryKernel(engine: Device, name: string): Promise<void> {
  const { within, numbers } = await trials[name](engine);
  for (const [what, [found, expected]] of Object.entries(numbers)) {
    const most = within * Math.max(...Array.from(expected, Math.abs));
    for (let i = 0; i < expected.length; i++) {
      if (Math.abs(found[i] - expected[i]) <= most) continue;
      throw new Error(
        `${name}: number ${i} of its ${what} is ${found[i]}, expected ${expected[i]} ± ${most}`,
      );
    }
  }
}

/** A tensor of normal numbers. */
export function normals(shape: readonly number[], seed: number) {
  const data = new Float32Array(elements(shape));
  fillNormal(data, streamKeys(seed, 0, 0), 0, 1);
  return { ...float32(shape, data), data };
}

/** The numbers of a held tensor, which is freed. */
const read = async (engine: Device, held: Held) => (await take(engine, held)).data as Float32Array;
