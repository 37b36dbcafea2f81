/**
 * A model in blocks on an engine, beside the same numbers widened: the streams of a pass and what is decoded.
 *
 * Sums of another order, and a product more where blocks have offsets: both sides are off by `stateTolerance` at most. Where x meets
 * 8 bits in three parts, quants and zeros are summed apart. Both are some times as large as the differences, which doubles that.
 */
import type { Engine } from "core/engine/mod.ts";
import { type Model, type ModelSpec, routed } from "core/models/mod.ts";
import { type Blocks, noDrop } from "core/run/mod.ts";
import { decoder, type DecoderOptions } from "core/run/decode/mod.ts";
import { type Deviation, tolerance } from "../core/models/parity.ts";
import { finalStreams } from "../core/run/states.ts";
import { distance, engineWith, largest } from "../model.ts";
import { isRelease, released } from "../support.ts";

const PROMPT = 5;
/** All weights are kept, or none. */
const BUDGETS = [undefined, 0];
const plans = [noDrop, { attention: [1], mlp: [0] }];

/** What both sides may be apart, relative to the largest element. */
export function blockTolerance(engine: Engine, spec: ModelSpec): number {
  if (engine.precision === "int8") return int8Tolerance(spec);
  return (engine.has.blocks.isParted ? 4 : 2) * tolerance(engine, spec);
}

/**
 * Each layer has four products in a row, whose factors are off by half of 2^-7 of a block's largest number at most; errors of random sign
 * add up as √(4L). The largest of a few hundred is some times that: the worst measured is 0.7 of the bound.
 */
const int8Tolerance = ({ layers }: ModelSpec) => 8 * Math.sqrt(4 * layers.length) * 2 ** -7;
/** Nearly tied experts change places with such errors, and what linear attention recalls is normed, be it ever so little. */
export const isSteady = ({ layers }: ModelSpec) =>
  layers.every(({ attention, mlp }) => !routed(mlp) && attention?.kind !== "delta");

/** The engine, as if it multiplied with no blocks. */
export function widening(engine: Engine): Engine {
  return engineWith({ blocks: { ...engine.has.blocks, passes: [], steps: [] } }, engine);
}

/** The engine, with blocks as they are stored however small a layer is. */
export function taking(engine: Engine): Engine {
  return engineWith({ blocks: { ...engine.has.blocks, worthBytes: 0 } }, engine);
}

/** What is compared, and how far apart it may be. */
interface Compared {
  readonly model: Model;
  readonly blocks: Blocks;
  /** The largest difference, relative to the largest element. */
  readonly most: number;
  /** Whether a plan decodes with all weights kept or with none, not with both. */
  readonly isSlow?: boolean;
}

/** Differences between an engine and another that widens all blocks. */
export async function blockDeviations(
  tested: Engine,
  beside: Engine,
  { model, blocks, most, isSlow = false }: Compared,
): Promise<Deviation[]> {
  const [engine, plain] = [taking(tested), widening(beside)];
  const before = engine.live;
  const expected = await finalStreams(model, blocks, plans, undefined, plain);
  const streams = await finalStreams(model, blocks, plans, undefined, engine);
  const found = streams.map((stream, i): Deviation => (
    { what: `streams of plan ${i}`, error: relative(stream, expected[i]), most }
  ));
  const steps = isRelease ? 8 : 3;
  for (const [i, plan] of plans.entries()) {
    const text = await greedy({ model, engine: plain, plan }, blocks.ids.subarray(0, PROMPT), steps);
    for (const budget of isSlow ? [BUDGETS[i]] : BUDGETS) {
      for (const [t, logits] of (await read({ model, engine, plan, budget }, text.ids)).entries()) {
        const kept = budget === undefined ? "all" : "no";
        const what = `logits ${PROMPT + t - 1} of plan ${i}, ${kept} weights kept`;
        found.push({ what, error: relative(logits, text.logits[t]), most });
      }
    }
  }
  return [...found, { what: "tensors that are held", error: engine.live - before, most: 0 }];
}

const relative = (actual: Float32Array, expected: Float32Array): number =>
  distance(actual, expected) / largest(expected);

/** A prompt and the most probable tokens after it, and the logits of each from the prompt's last on. */
async function greedy(options: DecoderOptions, prompt: Int32Array, steps: number) {
  const ids = [...prompt];
  const logits = await decoded(options, prompt, (last, step) => {
    if (step === steps) return null;
    ids.push(last.indexOf(last.reduce((a, b) => Math.max(a, b))));
    return ids.at(-1)!;
  });
  return { ids: Int32Array.from(ids), logits };
}

/** Logits of a text, from the prompt's last token on. */
function read(options: DecoderOptions, ids: Int32Array): Promise<Float32Array[]> {
  return decoded(options, ids.subarray(0, PROMPT), (_, step) => ids[PROMPT + step] ?? null);
}

type Next = (last: Float32Array, step: number) => number | null;

/** Logits of a prompt and of the tokens that follow, until there is none. */
async function decoded(options: DecoderOptions, prompt: Int32Array, next: Next): Promise<Float32Array[]> {
  await using opened = released(await decoder(options));
  const logits = [(await opened.prefill([prompt])).slice()];
  for (let id; (id = next(logits.at(-1)!, logits.length - 1)) !== null;) {
    logits.push((await opened.step([id])).slice());
  }
  return logits;
}
