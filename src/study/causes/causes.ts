/**
 * Why modules are redundant (paper, claims C2, C5, C6, C7): attention patterns, over-smoothed tokens, magnitudes, massive
 * activations, the reach of one drop; and how each correlates with importance.
 *
 * Four runs: the full model with every probe; smoothing with modules dropped, all plans as one trie; blocks of 64 tokens
 * without BOS for the sink rate as published (Gu et al., arXiv 2410.10781); every module dropped in turn, on fewer samples,
 * for what that does to later updates. The last grows with the square of the depth: it can be left out.
 */
import { MODULES } from "../../measure/mod.ts";
import { type Checks, phases, reportsOf, wholeNumber, within } from "../../entry/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import { type Causes, keptOr, type Provenance } from "../../result/mod.ts";
import { type Blocks, noDrop } from "../../run/mod.ts";
import { assemble, profileIn, smoothingPlans } from "./assemble.ts";
import { effectsRows, type Running, sinkRows, smoothingRows, someOf, wholeRows } from "./runs.ts";
import { type Estimate, estimatePasses, flopsOf, needOf, type Pass } from "../estimate.ts";
import { expectRoom } from "../memory.ts";
import { CALIBRATION_TEXT, provenance, studyChecks, type StudyOptions, textOptions } from "../options.ts";
import {
  randomInitChecks,
  type RandomInitOptions,
  untrainedNeed,
  untrainedOf,
} from "../untrained/random_init.ts";
import { withUntrained } from "../untrained/untrained.ts";
import {
  drawText,
  type NamedConfig,
  onConfig,
  onModel,
  packText,
  type StudyModel,
  zipfText,
} from "../../subject/mod.ts";

/** Options of the study of causes that other studies do not have. */
export interface CausesMeasures {
  /** Use every k-th query for the attention patterns; default: 1, all of them. */
  readonly queryStride?: number | undefined;
  /** Number of samples for the effects on later layers; default: 2; 0 skips them. */
  readonly effectSamples?: number | undefined;
}

/** Options of `causes`. */
export type CausesOptions = StudyOptions & CausesMeasures;

const measureChecks: Checks<CausesMeasures> = {
  queryStride: wholeNumber(1),
  effectSamples: wholeNumber(0),
};
const checks: Checks<CausesOptions> = { ...studyChecks, ...measureChecks };
const untrainedChecks = { ...randomInitChecks, ...measureChecks };

/** A model over blocks of text, and where its numbers come from. */
export interface Subject extends Running {
  readonly blocks: Blocks;
  /** Blocks of the published length, for the sink rate. */
  readonly sinkBlocks: Blocks;
  readonly origin: Provenance;
  readonly label: string;
}

/** How many modules are dropped when smoothing is measured under drops. */
const DROPS = [4, 8];
/** The published setting of the sink rate. */
const SINK = { samples: 100, length: 64, threshold: 0.3 };
/** Tokens per sample for the effects on later layers. */
const EFFECT_LENGTH = 256;

/**
 * Measures the causes of redundancy in a model over a calibration text.
 *
 * @example
 * ```ts
 * import { causes, openSeries } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await causes(model, { text: "README.md", samples: 2, length: 32 });
 * console.log(result.correlations);
 * model.close();
 * ```
 */
export async function causes(model: StudyModel | string, options: CausesOptions = {}): Promise<Causes> {
  return await onModel("measure causes", model, options, checks, causesIn);
}

async function causesIn(model: StudyModel, options: CausesOptions): Promise<Causes> {
  return await causesOf(await subjectOf(model, options), options);
}

/** What the study runs over. */
export async function subjectOf(model: StudyModel, options: CausesOptions): Promise<Subject> {
  const text = textOptions(options, CALIBRATION_TEXT);
  const label = `causes in ${model.name}`;
  const packing = within(reportsOf(options), phases(label, [0, 1], options.onProgress)(0));
  const packed = await packText(model, text, packing);
  const published = {
    ...text,
    samples: sinkSamples(packed.blocks),
    length: SINK.length,
    skip: Math.floor(text.skip * text.length / SINK.length),
    bos: false,
  };
  return {
    model,
    blocks: packed.blocks,
    sinkBlocks: (await packText(model, published, packing)).blocks,
    origin: await provenance(model, packed, noDrop, options),
    label,
    options,
  };
}

/**
 * Measures the causes of redundancy in an untrained model over words drawn from Zipf's law, for the first seed.
 *
 * @example
 * ```ts
 * import { openConfig, untrainedCauses } from "lamina";
 *
 * const named = await openConfig("data/series/pre-ln/step00512");
 * const result = await untrainedCauses(named, { samples: 1, length: 32 });
 * console.log(result.patterns.normalizedEntropy);
 * ```
 */
export async function untrainedCauses(
  named: NamedConfig | string,
  options: RandomInitOptions & CausesMeasures = {},
): Promise<Causes> {
  return await onConfig("measure causes", named, options, untrainedChecks, causesUntrained);
}

async function causesUntrained(
  named: NamedConfig,
  options: RandomInitOptions & CausesMeasures,
): Promise<Causes> {
  const { name, spec, allowed, initialiser, seeds: [seed], samples, length } = untrainedOf(named, options);
  await expectRoom(untrainedNeed(spec, samples, length), options);
  const text = await drawText(spec.vocabulary, samples, length, options.signal);
  const drawn = { name, config: named.config, spec, allowed, initialiser, seed };
  return await withUntrained(drawn, text, options, (model, origin) =>
    causesOf({
      model,
      blocks: text.blocks,
      sinkBlocks: zipfText(spec.vocabulary, sinkSamples(text.blocks), SINK.length).blocks,
      origin,
      label: `causes in random ${name}, seed ${seed}`,
      options,
    }, options));
}

/** As many blocks of the published length as make about as much text, at most the published number. */
function sinkSamples({ samples, length }: Omit<Blocks, "ids">): number {
  return Math.max(1, Math.min(SINK.samples, Math.floor(samples * length / SINK.length)));
}

async function causesOf(subject: Subject, measures: CausesMeasures): Promise<Causes> {
  const { options, label } = subject;
  const origin = originOf(subject, measures);
  const { result, kept } = await keptOr("causes", origin, () => measure(subject, origin), options);
  if (kept) options.onNotice?.(`${label}: kept from an earlier run`);
  return result;
}

async function measure(subject: Subject, origin: Causes["provenance"]): Promise<Causes> {
  const { model, blocks, sinkBlocks, label, options } = subject;
  const { queryStride: stride, drops, effects } = origin.causes;
  const passes = passesOf(model.spec, blocks, effects?.samples ?? 0);
  await expectRoom(needOf(model, passes), options);
  const phase = phases(label, passes.map((pass) => flopsOf(model, [pass])), options.onProgress);
  const at = (pass: number) => ({ model, options: within(options, phase(pass)) });
  const whole = await wholeRows(at(0), blocks, { stride, first: true });
  const plans = smoothingPlans(profileIn(origin, whole), drops);
  return assemble(model.spec, origin, {
    whole,
    sink: await sinkRows(at(1), sinkBlocks),
    smoothing: await smoothingRows(at(2), blocks, plans),
    effects: effects
      ? await effectsRows(at(3), someOf(blocks, { ...effects, from: 0, to: effects.samples }))
      : [],
  });
}

/** All that the numbers depend on. */
export function originOf(subject: Subject, measures: CausesMeasures): Causes["provenance"] {
  return { ...subject.origin, causes: settingsOf(subject, measures) };
}

function settingsOf(
  { model: { spec }, blocks, sinkBlocks }: Subject,
  { queryStride = 1, effectSamples = 2 }: CausesMeasures,
): Causes["provenance"]["causes"] {
  return {
    queryStride,
    drops: [0, ...DROPS.filter((n) => n < fewerModules(spec))],
    sink: { samples: sinkBlocks.samples, length: sinkBlocks.length, threshold: SINK.threshold },
    effects: effectSamples === 0 ? null : {
      samples: Math.min(effectSamples, blocks.samples),
      length: Math.min(EFFECT_LENGTH, blocks.length),
    },
  };
}

/**
 * Estimates the time and memory of `causes`, without the statistics themselves, which take the smaller part of the time.
 *
 * @example
 * ```ts
 * import { causesEstimate, openSeries } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const { seconds, bytes } = await causesEstimate(model, { text: "README.md", samples: 2, length: 32 });
 * console.log(seconds, bytes);
 * model.close();
 * ```
 */
export async function causesEstimate(
  model: Pick<StudyModel, "spec"> | string,
  options: CausesOptions = {},
): Promise<Estimate> {
  return await onModel("estimate causes", model, options, checks, causesPrice, ["spec"]);
}

async function causesPrice(model: Pick<StudyModel, "spec">, options: CausesOptions): Promise<Estimate> {
  const { samples, length } = textOptions(options, CALIBRATION_TEXT);
  const { effectSamples = 2 } = options;
  return await estimatePasses(model, passesOf(model.spec, { samples, length }, effectSamples), options);
}

/** The passes that the study makes, in their order: the full model, sink rate, smoothing, effects where they are measured. */
export function passesOf(
  spec: ModelSpec,
  { samples, length }: Omit<Blocks, "ids">,
  effectSamples: number,
): Pass[] {
  const layers = spec.layers.map((_, l) => l);
  /** Lists of layers, each dropped of either kind; the deepest stand for the least important. */
  const plans = (lists: readonly number[][]) => [
    noDrop,
    ...lists.flatMap((list) => [{ ...noDrop, attention: list }, { ...noDrop, mlp: list }]),
  ];
  const under = DROPS.filter((n) => n < fewerModules(spec)).map((n) => layers.slice(-n));
  return [
    { plans: [noDrop], samples, length },
    { plans: [noDrop], samples: sinkSamples({ samples, length }), length: SINK.length },
    { plans: plans(under), samples, length },
    ...effectSamples > 0
      ? [{
        plans: plans(layers.map((l) => [l])),
        samples: effectSamples,
        length: Math.min(EFFECT_LENGTH, length),
      }]
      : [],
  ].map((pass) => ({ ...pass, head: false }));
}

/**
 * Estimates the time and memory of `untrainedCauses`.
 *
 * @example
 * ```ts
 * import { openConfig, untrainedCausesEstimate } from "lamina";
 *
 * const { seconds } = await untrainedCausesEstimate(await openConfig("llama-2-7b"));
 * console.log(seconds);
 * ```
 */
export async function untrainedCausesEstimate(
  named: NamedConfig | string,
  options: RandomInitOptions & CausesMeasures = {},
): Promise<Estimate> {
  return await onConfig("estimate causes", named, options, untrainedChecks, async (named, options) => {
    const { spec, samples, length } = untrainedOf(named, options);
    return await causesPrice({ spec }, { ...options, samples, length });
  });
}

/** How many modules there are of the kind that has fewer. */
function fewerModules({ layers }: ModelSpec): number {
  return Math.min(
    ...MODULES.map((kind) => layers.filter((layer) => layer[kind]).length),
  );
}
