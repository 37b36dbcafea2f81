/**
 * How redundant a model's modules are before it has learned anything (paper, claim C4: attention redundancy is inherent).
 *
 * A configuration is enough: weights are made from a seed while the model runs (models/init.ts), at its true shape or at
 * another. The text is drawn from Zipf's law, the same for every seed, so that the spread over seeds is that of the
 * weights. Every seed's profile is a result of its own and kept as such: an interrupted study resumes where it stopped.
 */
import { type Checks, filled, number, type Of, oneOf, option, wholeNumber } from "core/entry/mod.ts";
import {
  allowedFields,
  firstScoring,
  initialiserOf,
  type MlpSpec,
  type ModelSpec,
  randomWeights,
  readSpec,
  reshape,
  type Reshaping,
  routed,
  specKey,
} from "core/models/mod.ts";
import { cacheKey } from "core/result/mod.ts";
import { overSeeds, type RandomInit, randomInitKind } from "./result.ts";
import { noDrop } from "core/run/mod.ts";
import type { Tokenizer } from "core/text/mod.ts";
import type { Subject } from "core/study/over.ts";
import { type NamedConfig, noted, onConfig, textChecks } from "core/subject/mod.ts";
import { studyChecks } from "core/study/options.ts";
import { study } from "core/study/scope.ts";
import { run } from "core/study/study.ts";
import { zipfOf } from "core/study/text.ts";
import { profileIn } from "../profile/mod.ts";

/** Largest numbers of seeds, of layers, and of a width: beyond all models, and small enough for lists of as many. */
const [MOST_SEEDS, MOST_LAYERS, MOST_WIDE] = [2 ** 16, 2 ** 12, 2 ** 20];

const positive = number("a number above 0", (value) => value > 0);
const { text: _text, skip: _skip, bos: _bos, ...sizeChecks } = studyChecks;
const shapeChecks: Checks<Reshaping> = {
  hidden: option(wholeNumber(1, MOST_WIDE), "<d> change the hidden size; heads and MLP scale in proportion"),
  layers: option(wholeNumber(1, MOST_LAYERS), "<n> change the number of layers"),
  heads: option(wholeNumber(1, MOST_WIDE), "<n> change the number of heads at the same total width"),
  norm: option(oneOf(["pre", "peri", "post"]), "<place> placement of the norms"),
};

/** The checks of `RandomInitOptions`, option by option. */
export const randomInitChecks = {
  ...sizeChecks,
  /** Number of blocks of random words; default: 2. */
  samples: option(textChecks.samples, "<n> blocks of random words, drawn by Zipf's law", 2),
  /** Tokens in each block; default: 256. */
  length: option(textChecks.length, "<t> tokens per block", 256),
  /** Number of seeds, starting from `seed`; defaults: 1 and 0. */
  seeds: option(wholeNumber(1, MOST_SEEDS), "<n> number of random seeds, for a mean and a spread", 1),
  /** The first seed; default: 0. */
  seed: option(wholeNumber(0), "<n> the first random seed", 0),
  /** Standard deviation of the weights; default: the configuration's `initializer_range`. */
  std: option(positive, "<s> standard deviation of the weights", "the config's"),
  /** Standard deviation of the projections onto the residual stream; default: the configuration's, or the family's (`std`, in GPT-2 divided by √(2L)). */
  residualStd: option(positive, "<s> standard deviation of the output projections", "the family's"),
  ...shapeChecks,
};

/** Options of `randomInit`: the size of the text, changes to the shape, and the distribution of the weights. */
export type RandomInitOptions = Of<typeof randomInitChecks>;

/**
 * Measures the importance of every module of an untrained model, as mean and spread over seeds.
 *
 * @example
 * ```ts
 * import { openConfig, randomInit } from "lamina/init";
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
  return await run(randomInitStudy, named, options);
}

export const randomInitStudy = study<RandomInitOptions, RandomInit, NamedConfig>({
  verb: "measure untrained models",
  label: (named, options) => `random ${untrainedOf(named, options).name}`,
  checks: randomInitChecks,
  on: onConfig,
  model(named, options) {
    const { name, spec, initialiser } = untrainedOf(named, options);
    return { spec, identity: { name, fingerprint: `init:${JSON.stringify(initialiser)}` } };
  },
  tokens: (_, options) => {
    const { samples, length } = filled(randomInitChecks, options);
    return samples * length;
  },
  plans: 1,
  async run(scope, named, options) {
    const setting = untrainedOf(named, options);
    const { name, spec, initialiser, seeds } = setting;
    const text = zipfOf(spec, setting);
    const title = `random ${name}`;
    const profiles = await scope.each("seeds", seeds, async (own, seed) => {
      using model = untrainedModel({ ...setting, seed });
      return await profileIn(own, model, text, noDrop, { title, label: `${title}, seed ${seed}` });
    });
    return overSeeds(profiles, { shape: shapeOf(spec), initialiser });
  },
  async depends(named, options, runOptions) {
    const setting = untrainedOf(named, options);
    const { spec, initialiser, seeds } = setting;
    const { text, packing } = await zipfOf(spec, setting).pack(runOptions);
    return { shape: specKey(spec), initialiser, seeds, text, packing };
  },
});

type Untrained = ReturnType<typeof untrainedOf>;

/** The options with their defaults, and the model that they describe. */
export function untrainedOf({ name, config, allowFields = [] }: NamedConfig, options: RandomInitOptions) {
  const { std, residualStd, hidden, layers, heads, norm } = options;
  const { seeds, seed, samples, length } = filled(randomInitChecks, options);
  const changes = { hidden, layers, heads, norm };
  const changed = Object.entries(changes).filter(([, value]) => value !== undefined);
  const { trained: _, ...read } = readSpec(config, name, allowFields); // nothing is trained yet, at any length
  const spec = reshape(read, changes);
  return {
    name: changed.length ? `${name} (${changed.map((change) => change.join(" ")).join(", ")})` : name,
    config,
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

/** The model of a seed. Its weights are drawn while it runs, and its words need no tokenizer. */
function untrainedModel(
  { name, config, spec, allowed, initialiser, seed }: Omit<Untrained, "seeds"> & { readonly seed: number },
): Subject & Disposable {
  const weights = randomWeights(spec, { ...initialiser, seed });
  const identity = {
    name,
    fingerprint: `init:${cacheKey("init", [randomInitKind.method, specKey(spec), initialiser])}`,
    revision: null,
    format: weights.format,
    family: spec.family,
    layers: spec.layers.length,
    ...noted(allowed),
  };
  const tokenizer = () => Promise.resolve({ fingerprint: "none" } as Tokenizer);
  const model = { name, spec, config, allowed, weights, identity, tokenizer, seed };
  return { ...model, [Symbol.dispose]: () => weights.close() };
}
