/** A small trial of each kernel on an engine: that it compiles, runs, and gives the numbers of its plain reference. */
import type { Engine, Held } from "../engine/mod.ts";
import { PATTERN_NAMES } from "../measure/mod.ts";
import { fillNormal, fillRows, float32, streamKeys } from "../tensor/mod.ts";
import {
  type AttentionInput,
  attentionStats,
  attentionStatsReference,
  readAttentionStats,
} from "./attention_stats.ts";
import { layerGram, layerGramReference } from "./layer_gram.ts";
import { normalDraw } from "./random_normal.ts";
import { readSmoothingSums, tokenSmoothing, tokenSmoothingReference } from "./token_smoothing.ts";

type Device = Pick<Engine, "name" | "access" | "upload" | "read">;

type Numbers = ArrayLike<number>;

/**
 * Sums of at most 200 terms, each rounded a few times, relative to the largest number there is: 2⁻²⁴ · 200 · 5, and as much for
 * exponentials, whose rounding WGSL leaves open. A kernel that is wrong is off by far more.
 */
const SUMS = 2 ** -13;

/** Actual and expected results of each kernel, by name; numbers may be off by `within` of the largest. */
const trials: Record<
  string,
  (
    engine: Device,
  ) => Promise<{ within: number; numbers: Record<string, [found: Numbers, expected: Numbers]> }>
> = {
  async random_normal(engine) {
    const rows = { keys: streamKeys(1, 2, 3), first: 5, width: 40, stride: 101, scale: 0.02 };
    const expected = new Float32Array(40 * 50);
    fillRows(expected, rows);
    const draw = normalDraw(engine);
    try {
      const numbers = await read(engine, await draw.fill([50, 40], rows));
      return { within: 0, numbers: { numbers: [numbers, expected] } };
    } finally {
      draw.free();
    }
  },
  async layer_gram(engine) {
    const [x, attention, mlp] = [1, 2, 3].map((seed) => normals(20 * 100, seed));
    const gram = await uploaded(engine, { x, attention, mlp }, [20, 100], async (held) => {
      const { x, attention, mlp } = held;
      return await read(engine, await layerGram(engine, { x, attention, mlp, parallel: false }));
    });
    const expected = layerGramReference({ x, attention, mlp, parallel: false }, 100);
    return { within: SUMS, numbers: { gram: [gram, expected] } };
  },
  async token_smoothing(engine) {
    const [tokens, width] = [140, 70];
    const x = normals(tokens * width, 4);
    const sums = await uploaded(engine, { x }, [tokens, width], async ({ x }) => {
      const { squares, sums, gram } = await tokenSmoothing(engine, x, 1, tokens);
      const [a, b, c] = await Promise.all([squares, sums, gram].map((held) => read(engine, held)));
      return readSmoothingSums({ squares: a, sums: b, gram: c }, width);
    });
    const expected = tokenSmoothingReference({ tokens, width, x });
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
    const q = normals(100 * 4 * 16, 5);
    const k = normals(100 * 2 * 16, 6);
    const [heldQ, heldK] = [float32([100, 64], q), float32([100, 32], k)].map((all) => engine.upload(all));
    try {
      const stats = await read(engine, await attentionStats(engine, { q: heldQ, k: heldK }, 1, sizes));
      const found = readAttentionStats(stats, sizes).stats;
      const expected = attentionStatsReference({ ...sizes, q, k } satisfies AttentionInput).stats;
      // A share may fall on the other side of the 1 % that is counted: one of few entries.
      const names = PATTERN_NAMES.filter((name) => name !== "belowOnePercent");
      return {
        within: SUMS,
        numbers: Object.fromEntries(names.map((name) => [name, [found[name], expected[name]]])),
      };
    } finally {
      heldQ.free();
      heldK.free();
    }
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

function normals(count: number, seed: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(count);
  fillNormal(out, streamKeys(seed, 0, 0), 0, 1);
  return out;
}

/** The numbers of a held tensor, which is freed. */
async function read(engine: Device, held: Held): Promise<Float32Array> {
  try {
    return ((await engine.read(held)).data as Float32Array).slice();
  } finally {
    held.free();
  }
}

async function uploaded<T, Name extends string>(
  engine: Device,
  numbers: Readonly<Record<Name, Float32Array>>,
  shape: readonly number[],
  use: (held: Record<Name, Held>) => Promise<T>,
): Promise<T> {
  const entries = Object.entries<Float32Array>(numbers);
  const held = entries.map(([name, data]) => [name, engine.upload(float32(shape, data))] as const);
  try {
    return await use(Object.fromEntries(held) as Record<Name, Held>);
  } finally {
    for (const [, value] of held) value.free();
  }
}
