/** What a study would run, how long and in how much memory: for `--dry-run`. */
import { expect, flag, list } from "../entry/mod.ts";
import { createGraph, Gemm, ReduceSum } from "../onnx/mod.ts";
import type { Computed } from "../result/mod.ts";
import { cost, type DropPlan, freeAll, withUploaded } from "../run/mod.ts";
import { float32 } from "../tensor/mod.ts";
import {
  computedOn,
  engineOf,
  type EngineOptions,
  studyChecks,
  type StudyOptions,
  textOptions,
} from "./options.ts";
import { aDrop } from "./plan.ts";
import { onModel, type StudyModel } from "../subject/mod.ts";
import type { Need } from "./memory.ts";

/** The estimated cost of a study. */
export interface Estimate {
  /** The engine and device that would compute it. */
  readonly computed: Computed;
  /** Tokens of the text. */
  readonly tokens: number;
  /** Number of modules to run. */
  readonly modules: number;
  /** Multiplications and additions. */
  readonly flops: number;
  /** Approximate time on this machine, in seconds. */
  readonly seconds: number;
  /** Approximate memory, in bytes. */
  readonly bytes: number;
}

/** Share of the product peak that whole studies reach. */
const EFFICIENCY = 0.6;
/** Memory that is there whatever runs: the runtime, one slice of logits, a module's intermediate values. */
export const BASE_BYTES = 250 * 2 ** 20;

/** What a sample takes besides its tokens, and again for each layer: its place in the text, its hash, its sums. */
const SAMPLE_BYTES = 256;

/** Plans that run as one trie over N blocks of T tokens; `head` if predictions are scored. */
export interface Pass {
  readonly plans: readonly DropPlan[];
  readonly head: boolean;
  readonly samples: number;
  readonly length: number;
  /** How often, one after the other; default: once. */
  readonly times?: number;
  /** Whether the last streams stay, for others to be held against. */
  readonly stays?: boolean;
}

/**
 * Estimates the time and memory of running plans over a text; `head` says whether predictions are scored. Times one matrix
 * product to learn this machine's speed.
 *
 * @example
 * ```ts
 * import { estimate, openSeries } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const full = { attention: [], mlp: [] };
 * const { seconds, bytes } = await estimate(model, [full], true, { text: "README.md", samples: 2, length: 32 });
 * console.log(seconds, bytes);
 * model.close();
 * ```
 */
export async function estimate(
  model: Pick<StudyModel, "spec"> | string,
  plans: readonly DropPlan[],
  head: boolean,
  options: StudyOptions = {},
): Promise<Estimate> {
  expect("estimate", "plans", plans, list(aDrop, "plans"));
  expect("estimate", "head", head, flag);
  const { samples, length } = textOptions(options, "");
  const passes = [{ plans, head, samples, length, stays: head }];
  const run = (model: Pick<StudyModel, "spec">, options: StudyOptions) =>
    estimatePasses(model, passes, options);
  return await onModel("estimate", model, options, studyChecks, run, ["spec"]);
}

/** Floating-point operations of passes: what they weigh in one count with others. */
export function flopsOf({ spec }: Pick<StudyModel, "spec">, passes: readonly Pass[]): number {
  return passes.reduce((sum, { plans, head, ...size }) => sum + cost(spec, plans, size, head).flops, 0);
}

/** Approximate memory of passes, one after the other. */
export function bytesOf(model: Pick<StudyModel, "spec">, passes: readonly Pass[]): number {
  return needOf(model, passes).bytes;
}

/**
 * What the largest of some passes needs, and because of what. Of a layer's weights, at most `mostOfLayer` bytes are there at
 * a time.
 */
export function needOf(
  { spec }: Pick<StudyModel, "spec">,
  passes: readonly Pass[],
  mostOfLayer = Infinity,
): Need {
  const stay = passes.filter(({ stays }) => stays)
    .reduce((sum, { samples, length }) => sum + 4 * samples * length * spec.hidden, 0);
  const needs = passes.map(({ plans, head, samples, length }): Need => {
    const { stateBytes, layerBytes } = cost(spec, plans, { samples, length }, head);
    const own = samples * (4 * length + SAMPLE_BYTES * (1 + spec.layers.length));
    return {
      bytes: BASE_BYTES + stay + stateBytes + own + 2 * Math.min(layerBytes, mostOfLayer),
      what: `${samples} × ${length} tokens (samples × length) at hidden size ${spec.hidden}`,
    };
  });
  return needs.reduce((most, need) => need.bytes > most.bytes ? need : most, {
    bytes: BASE_BYTES,
    what: "it",
  });
}

/** Prices a study of several passes, one after the other; its tokens are those of the text that the options name. */
export async function estimatePasses(
  model: Pick<StudyModel, "spec">,
  passes: readonly Pass[],
  options: StudyOptions = {},
): Promise<Estimate> {
  const { samples, length } = textOptions(options, "");
  const prices = passes.map(({ plans, head, times = 1, ...size }) => ({
    ...cost(model.spec, plans, size, head),
    times,
  }));
  const sum = (key: "modules" | "flops") =>
    prices.reduce((total, price) => total + price.times * price[key], 0);
  return {
    computed: await computedOn(options),
    tokens: samples * length,
    modules: sum("modules"),
    flops: sum("flops"),
    seconds: sum("flops") / await studySpeed(options),
    bytes: bytesOf(model, passes),
  };
}

/** Studies one after the other, with how many plans they run; their tokens are the first one's. */
export function together<E extends Estimate & { readonly plans: number }>(studies: readonly E[]): E {
  const sum = (key: "plans" | "modules" | "flops" | "seconds") =>
    studies.reduce((total, study) => total + study[key], 0);
  return {
    ...studies[0],
    plans: sum("plans"),
    modules: sum("modules"),
    flops: sum("flops"),
    seconds: sum("seconds"),
    bytes: Math.max(...studies.map(({ bytes }) => bytes)),
  };
}

/** Floating-point operations per second that whole studies reach. */
export async function studySpeed(options: EngineOptions): Promise<number> {
  const side = 1024;
  return EFFICIENCY * 2 * side ** 3 / await productSeconds(side, side, options);
}

/** Seconds that a product of some rows with a square matrix takes: the best of five. */
export async function productSeconds(rows: number, side: number, options: EngineOptions): Promise<number> {
  const graph = createGraph();
  const shapes = { a: [rows, side], b: [side, side] };
  const [a, b] = [graph.input("a", "f32", shapes.a), graph.input("b", "f32", shapes.b)];
  graph.output("sum", ReduceSum(Gemm(a, b), [0, 1]));
  const engine = await engineOf(options);
  const program = await engine.compile(graph);
  const filled = (shape: number[]) => float32(shape, new Float32Array(shape[0] * shape[1]).fill(0.5));
  let best = Infinity;
  await withUploaded(engine, { a: filled(shapes.a), b: filled(shapes.b) }, async (feeds) => {
    for (let round = 0; round < 5; round++) {
      const start = performance.now();
      freeAll(await program.run(feeds));
      best = Math.min(best, (performance.now() - start) / 1000);
    }
  });
  await program.release();
  return best;
}
