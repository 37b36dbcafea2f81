/**
 * What a token's time is made of, measured of its parts on this machine, beside the model itself:
 *
 *     products    matrices one after the other, in the form in which steps hold most of the model's, so many that no cache holds
 *                 them: with a row for each text they take the time of their bytes, with the rows of a part of a prompt that of their
 *                 operations
 *     attention   layers with the model's own heads on a stream of 64 numbers: their weights are next to nothing, so what they take
 *                 more at a long context than at a short one is keys and values; at a short one, what a module takes besides
 */
import type { Engine } from "core/engine/mod.ts";
import { type Roof, roofSeconds, type Work } from "core/measure/mod.ts";
import {
  type FeedSpec,
  firstScoring,
  type LayerSpec,
  layerTensors,
  type MlpSpec,
  type Model,
  type ModelSpec,
  outerTensors,
  routed,
} from "core/models/mod.ts";
import {
  type Chain,
  changedModel,
  type DropPlan,
  FLOAT32,
  type Holding,
  type ModuleWork,
  type NewTokens,
  noDrop,
  openChain,
  stepBytes,
  stepForm,
  workOf,
} from "core/run/mod.ts";
import { type Decoder, decoder, type DecoderOptions, partsOf, readAtOnce } from "core/run/decode/mod.ts";
import { elements, float32 } from "core/tensor/mod.ts";
import { type Player, randomIds } from "./turns.ts";
import { released, sum } from "core/entry/mod.ts";

/** Bytes of the chain of products: more than a cache holds. */
export const CHAIN_BYTES = 128 * 2 ** 20;
/** Rows that take the time of their operations: more do not tell more of the rate. */
const MOST_ROWS = 1024;
/** Layers of the narrow model, and its widths. */
export const LAYERS = 6;
const NARROW = 64;
export const SHORT = 16;
/** How much faster than memory keys may be read, at most: from a cache. */
const CACHED = 10;
/** Seconds that a clock tells apart. */
const TICK = 1e-6;

/** What was measured of a setting's parts, in seconds, bytes and operations. */
export interface PartTimes {
  /** Of products, at as many rows as there are texts and at those of a part of a prompt. */
  readonly products: Roof;
  readonly keys: Roof;
  readonly overhead: { readonly attention: number; readonly mlp: number; readonly step: number };
}

/** Texts side by side, and how many tokens of each are read. */
export type Setting = Readonly<Record<"batch" | "context", number>>;

/** Seconds of reading the texts, and of reading one more token of each. */
export type Medians = Readonly<Record<"prefill" | "step", number>>;

/** The products of a model's parts, for all settings: matrices in the form in which its steps hold most of its own. */
export const openPartChain = (whole: Model, engine: Engine): Promise<Chain> =>
  openChain(engine, stepForm(whole, engine.has), CHAIN_BYTES);

/** Opens the other parts of a model's setting: players among the plans, and what their median seconds of so many steps say. */
export async function openParts(
  whole: Model,
  engine: Engine,
  chain: Chain,
  setting: Setting,
  { signal, onRead }: Pick<DecoderOptions, "signal" | "onRead"> = {},
) {
  const { batch, context } = setting;
  const rows = rowsOf(setting);
  const model = narrowModel(whole);
  const { spec } = model;
  const kinds = kindsOf(setting);
  const on = { model, engine, texts: batch, signal, onRead };
  const { opened, ...disposal } = await openDecoders(kinds.map(({ plan }) => ({ ...on, plan })));
  const narrow = opened.map((one, i) =>
    decoderPlayer(one, { batch, context: kinds[i].context }, spec.vocabulary)
  );
  return {
    players: [chainPlayer(chain, rows, Math.min(batch, MOST_ROWS), signal), ...narrow],
    read([product, long, short, noAttention, noMlp, neither]: readonly Medians[], steps: number): PartTimes {
      const bandwidth = chain.bytes / product.step * Math.min(1, MOST_ROWS / batch);
      const reading = attentionWork(spec, { texts: batch, tokens: context, past: 0 });
      const writing = (past: number) =>
        attentionWork(spec, { texts: batch, tokens: 1, past: past + Math.floor(steps / 2) }).core.bytes;
      const more = Math.max(0, writing(context) - writing(SHORT));
      const longer = Math.max(long.step - short.step, more / (CACHED * bandwidth));
      const step = neither.step - Math.max(0, short.step - noMlp.step) / LAYERS;
      return {
        products: { bandwidth, rate: 2 * rows * chain.numbers / product.prefill },
        keys: {
          bandwidth: more > 0 ? more / longer : bandwidth,
          rate: (reading.core.flops + reading.products) / Math.max(long.prefill - noAttention.prefill, TICK),
        },
        overhead: {
          attention: Math.max(0, noMlp.step - step) / LAYERS,
          mlp: Math.max(0, short.step - noMlp.step) / LAYERS,
          step: Math.max(0, step),
        },
      };
    },
    ...disposal,
  };
}

/** Rows of the chain, as many as there are tokens in a part of a prompt. */
const rowsOf = ({ batch, context }: Setting) => Math.min(MOST_ROWS, batch * readAtOnce(context, batch));

/** What the narrow model reads, and without what. */
function kindsOf({ context }: Setting) {
  const all = Array.from({ length: LAYERS }, (_, l) => l);
  return [
    { plan: noDrop, context },
    { plan: noDrop, context: SHORT },
    { plan: { attention: all, mlp: [] }, context },
    { plan: { attention: [], mlp: all }, context: SHORT },
    { plan: { attention: all, mlp: all.slice(1) }, context: SHORT },
  ];
}

/** What the parts are expected to take, by bytes and operations alone. */
export function expectedOfParts(
  whole: Model,
  has: Holding,
  { bytes, numbers }: Pick<Chain, "bytes" | "numbers">,
  setting: Setting,
  steps: number,
  roof: Roof,
): Medians[] {
  const products = (rows: number) => roofSeconds({ bytes, flops: 2 * rows * numbers }, roof);
  const chain = { prefill: products(rowsOf(setting)), step: products(Math.min(setting.batch, MOST_ROWS)) };
  const on = { model: narrowModel(whole), has };
  const narrow = kindsOf(setting).map(({ plan, context }) =>
    predict(on, plan, { ...setting, context }, steps, bytesAlone({ products: roof }))
  );
  return [chain, ...narrow];
}

/** Opens decoders, all of them or none; the block that has them releases them. */
export async function openDecoders(all: readonly DecoderOptions[]) {
  await using stack = new AsyncDisposableStack();
  const opened = await Array.fromAsync(all, async (one) => stack.use(released(await decoder(one))));
  const moved = stack.move();
  return { opened, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

/** Of all attention modules: what they do with keys and values, and the operations of their products. */
function attentionWork(spec: ModelSpec, step: NewTokens): { core: Work; products: number } {
  const modules = workOf(spec, noDrop, FLOAT32)(step).filter(({ module }) => module === "attention");
  const total = (of: (module: ModuleWork) => number) => sum(modules, (module) => module.count * of(module));
  return {
    core: { bytes: total(({ core }) => core!.bytes), flops: total(({ core }) => core!.flops) },
    products: total(({ products }) => products.flops),
  };
}

function chainPlayer({ run }: Chain, rows: number, texts: number, signal?: AbortSignal): Player {
  const read = () => run(rows, signal);
  return { warmUp: read, prefill: read, step: () => run(texts, signal) };
}

/** Layers as the model's, attention with all its heads, on a stream so narrow that their weights are next to nothing. */
export function narrowModel({ name, spec, weights: { format, isInBlocks } }: Model): Model {
  const attention = firstScoring(spec) ?? null;
  const mlp = spec.layers.find((layer) => layer.mlp)?.mlp ?? null;
  const layer: LayerSpec = { residual: spec.layers[0].residual, attention, mlp: mlp && narrowed(mlp) };
  const narrow: ModelSpec = {
    ...spec,
    hidden: NARROW,
    vocabulary: NARROW,
    layers: Array.from({ length: LAYERS }, () => layer),
  };
  const filled = (shape: readonly number[]) =>
    float32([...shape], new Float32Array(elements(shape)).fill(1 / NARROW));
  const needs = outerTensors({ ...narrow, head: { ...narrow.head, tied: false } });
  const outer = new Map(needs.map(([name, shape]) => [name, shape]));
  const lease = (l: number, isWanted: (name: string) => boolean) => {
    const needs = layerTensors(narrow.layers[l], NARROW).filter(([name]) => isWanted(name));
    return Promise.resolve({
      tensors: new Map(needs.map(([name, shape]) => [name, filled(shape)])),
      release() {},
    });
  };
  const weights: Model["weights"] = {
    format,
    storage: () => ({ dtype: "f32" }),
    isInBlocks, // as far as the engine's precision goes: these matrices are too small to matter
    layer: (l) => lease(l, () => true),
    part: (l, cuts) => lease(l, (name) => cuts.has(name)),
    outer: (name, rows) => {
      const shape = outer.get(name)!;
      return Promise.resolve(filled(rows ? [rows[1] - rows[0], ...shape.slice(1)] : shape));
    },
    close() {},
  };
  return { name, spec: narrow, weights, config: {} };
}

function narrowed(mlp: FeedSpec): FeedSpec {
  const mixture = routed(mlp);
  if (!mixture) return { ...mlp as MlpSpec, size: NARROW };
  const { expert, shared } = mixture;
  return { ...mixture, expert: { ...expert, size: NARROW }, shared: shared && { ...shared, size: NARROW } };
}

/** A decoder as a player. Which tokens it reads makes no difference to its speed. */
export function decoderPlayer(one: Decoder, { batch, context }: Setting, vocabulary: number, seed = 0) {
  const next = randomIds(vocabulary, seed);
  const read = (tokens: number) =>
    one.prefill(Array.from({ length: batch }, () => Int32Array.from({ length: tokens }, next)));
  return {
    warmUp: () => read(readAtOnce(context, batch)),
    prefill: () => read(context),
    step: () => one.step(Array.from({ length: batch }, next)),
  };
}

/** By bytes and operations alone, at one bandwidth and one rate. */
export function bytesAlone({ products }: Pick<PartTimes, "products">): PartTimes {
  return { products, keys: products, overhead: { attention: 0, mlp: 0, step: 0 } };
}

/** The time of a plan; `steps` tokens follow the texts. A prompt is read by the same programs as the tokens after it. */
export function predict(
  { model, has }: { readonly model: Model; readonly has: Holding },
  plan: DropPlan,
  { batch, context }: Setting,
  steps: number,
  parts: PartTimes,
): Medians {
  const work = workOf(model.spec, plan, stepBytes(changedModel(model, plan), has));
  const read = partsOf(0, context, batch);
  const prefill = sum(read.keys().toArray(), (i) => {
    const [first, end] = read[i];
    const modules = work({ texts: batch, tokens: end - first, past: first });
    // The head is for the last token of the text alone.
    return seconds(i < read.length - 1 ? modules.filter(({ module }) => module !== "head") : modules, parts);
  });
  const past = context + Math.floor(steps / 2);
  return { prefill, step: seconds(work({ texts: batch, tokens: 1, past }), parts) };
}

function seconds(modules: readonly ModuleWork[], { products: roof, keys, overhead }: PartTimes): number {
  return overhead.step + sum(modules, ({ count, module, products, core }) =>
    count *
    (roofSeconds(products, roof) + (core ? roofSeconds(core, keys) : 0) +
      (module === "head" ? 0 : overhead[module])));
}
