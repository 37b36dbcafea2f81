/**
 * How redundant a model's modules are before it has learned anything (paper, claim C4: attention redundancy is inherent).
 *
 * A configuration is enough: weights are made from a seed while the model runs (models/init.ts), at its true shape or at
 * another. The text is drawn from Zipf's law, the same for every seed, so that the spread over seeds is that of the
 * weights. Every seed's profile is a result of its own and kept as such: an interrupted study resumes where it stopped.
 */
import { type Checks, number, oneOf, phases, wholeNumber, within } from "../../entry/mod.ts";
import {
  allowedFields,
  firstScoring,
  initialiserOf,
  type MlpSpec,
  type ModelSpec,
  readSpec,
  reshape,
  type Reshaping,
  routed,
} from "../../models/mod.ts";
import { overSeeds, type Profile, type RandomInit } from "../../result/mod.ts";
import { cost, noDrop, PART_BYTES } from "../../run/mod.ts";
import { type Estimate, estimatePasses, needOf } from "../estimate.ts";
import { expectRoom, type Need } from "../memory.ts";
import { studyChecks, type StudyOptions, textOptions } from "../options.ts";
import { profileBlocks } from "../profile.ts";
import { withUntrained } from "./untrained.ts";
import { drawText, type NamedConfig, onConfig } from "../../subject/mod.ts";

/** Options of `randomInit`: the size of the text, changes to the shape, and the distribution of the weights. */
export interface RandomInitOptions extends Omit<StudyOptions, "text" | "skip" | "bos">, Reshaping {
  /** Number of seeds, starting from `seed`; defaults: 1 and 0. */
  readonly seeds?: number | undefined;
  /** The first seed; default: 0. */
  readonly seed?: number | undefined;
  /** Standard deviation of the weights; default: the configuration's `initializer_range`. */
  readonly std?: number | undefined;
  /** Standard deviation of the projections onto the residual stream; default: the configuration's, or the family's (`std`, in GPT-2 divided by √(2L)). */
  readonly residualStd?: number | undefined;
}

/** Largest numbers of seeds, of layers, and of a width: beyond all models, and small enough for lists of as many. */
const [MOST_SEEDS, MOST_LAYERS, MOST_WIDE] = [2 ** 16, 2 ** 12, 2 ** 20];

const { text: _text, skip: _skip, bos: _bos, ...sizeChecks } = studyChecks;
/** Checks of them. */
export const randomInitChecks: Checks<RandomInitOptions> = {
  ...sizeChecks,
  seeds: wholeNumber(1, MOST_SEEDS),
  seed: wholeNumber(0),
  std: number("a number above 0", (value) => value > 0),
  residualStd: number("a number above 0", (value) => value > 0),
  hidden: wholeNumber(1, MOST_WIDE),
  layers: wholeNumber(1, MOST_LAYERS),
  heads: wholeNumber(1, MOST_WIDE),
  norm: oneOf(["pre", "peri", "post"]),
};

/** Random numbers per second on two cores. */
const MADE_PER_SECOND = 1.5e9;

/**
 * Measures the importance of every module of an untrained model, as mean and spread over seeds.
 *
 * @example
 * ```ts
 * import { openConfig, randomInit } from "lamina";
 *
 * const named = await openConfig("data/series/pre-ln/step00512");
 * const result = await randomInit(named, { samples: 1, length: 32, seeds: 2 });
 * console.log(result.attention.importance, result.attention.spread);
 * ```
 */
export async function randomInit(
  named: NamedConfig | string,
  options: RandomInitOptions = {},
): Promise<RandomInit> {
  return await onConfig("measure untrained models", named, options, randomInitChecks, measured);
}

async function measured(named: NamedConfig, options: RandomInitOptions): Promise<RandomInit> {
  const { name, spec, allowed, initialiser, seeds, samples, length } = untrainedOf(named, options);
  const need = untrainedNeed(spec, samples, length);
  await expectRoom(need, options);
  const text = await drawText(spec.vocabulary, samples, length, options.signal);
  const profiles: Profile[] = [];
  const phase = phases(`random ${name}`, seeds.map(() => 1), options.onProgress);
  for (const [i, seed] of seeds.entries()) {
    const drawn = { name, config: named.config, spec, allowed, initialiser, seed };
    const label = `random ${name}, seed ${seed}`;
    profiles.push(
      await withUntrained(
        drawn,
        text,
        options,
        (model, origin) => profileBlocks(model, text.blocks, origin, label, within(options, phase(i)), need),
      ),
    );
  }
  return overSeeds(profiles, { shape: shapeOf(spec), initialiser });
}

/**
 * Estimates the time and memory of `randomInit`.
 *
 * @example
 * ```ts
 * import { openConfig, randomInitEstimate } from "lamina";
 *
 * const { seconds, bytes } = await randomInitEstimate(await openConfig("llama-2-7b"));
 * console.log(seconds, bytes);
 * ```
 */
export async function randomInitEstimate(
  named: NamedConfig | string,
  options: RandomInitOptions = {},
): Promise<Estimate> {
  return await onConfig("estimate untrained models", named, options, randomInitChecks, price);
}

async function price(named: NamedConfig, options: RandomInitOptions): Promise<Estimate> {
  const { spec, seeds, samples, length } = untrainedOf(named, options);
  const sizes = { samples, length };
  const passes = [{ plans: [noDrop], head: false, ...sizes }];
  const once = await estimatePasses({ spec }, passes, { ...options, ...sizes });
  const { layerBytes } = cost(spec, [noDrop], sizes, false);
  const made = spec.layers.length * layerBytes / Float32Array.BYTES_PER_ELEMENT / MADE_PER_SECOND;
  return {
    ...once,
    modules: seeds.length * once.modules,
    flops: seeds.length * once.flops,
    seconds: seeds.length * (once.seconds + made),
    bytes: untrainedNeed(spec, samples, length).bytes,
  };
}

/** What it needs. Weights are made part by part: of a large layer, some are there at a time. */
export function untrainedNeed(spec: ModelSpec, samples: number, length: number): Need {
  return needOf({ spec }, [{ plans: [noDrop], head: false, samples, length }], PART_BYTES);
}

/** The options with their defaults, and the model that they describe. */
export function untrainedOf({ name, config, allowFields = [] }: NamedConfig, options: RandomInitOptions) {
  const { seeds = 1, seed = 0, std, residualStd, hidden, layers, heads, norm } = options;
  const { samples, length } = textOptions({ samples: 2, length: 256, ...options }, "zipf");
  const changes = { hidden, layers, heads, norm };
  const changed = Object.entries(changes).filter(([, value]) => value !== undefined);
  const { trained: _, ...read } = readSpec(config, name, allowFields); // nothing is trained yet, at any length
  const spec = reshape(read, changes);
  return {
    name: changed.length ? `${name} (${changed.map((change) => change.join(" ")).join(", ")})` : name,
    spec,
    allowed: allowedFields(config, name, allowFields),
    initialiser: initialiserOf(config, spec, name, { std, residualStd }),
    seeds: Array.from({ length: seeds }, (_, i) => seed + i),
    samples,
    length,
  };
}

/** The shape of the first layer stands for all layers. */
export function shapeOf(spec: ModelSpec): RandomInit["shape"] {
  const { hidden, vocabulary, layers } = spec;
  const attention = firstScoring(spec);
  const mlp = layers.find((layer) => layer.mlp)?.mlp ?? null;
  const norm = (attention ?? mlp)?.norm;
  return {
    hidden,
    layers: layers.length,
    heads: attention?.heads ?? 0,
    kvHeads: attention?.kvHeads ?? 0,
    headSize: attention?.headSize ?? 0,
    feedForward: (routed(mlp)?.expert ?? mlp as MlpSpec | null)?.size ?? 0,
    vocabulary,
    norm: !norm?.pre ? "post" : norm.post ? "peri" : "pre",
  };
}
