import { eachOf, expect, optionsOf } from "core/entry/mod.ts";
import { initTheory, type Predicted } from "./theory/init_theory.ts";
import { KINDS, mean, type ModuleKind } from "core/measure/mod.ts";
import { expectForks, type MlpSpec, routed, scoring } from "core/models/mod.ts";
import { randomInitChecks, type RandomInitOptions, shapeOf, untrainedOf } from "./random_init.ts";
import { aConfig, type NamedConfig, zipfText } from "core/subject/mod.ts";

/**
 * Predicts what `randomInit` measures with the same options, except for seeds. Throws `TypeError` for a model in which
 * some layer lacks an attention or an MLP.
 *
 * @example
 * ```ts
 * import { openConfig, predictInit } from "lamina/init";
 *
 * const { attention, mlp } = predictInit(await openConfig("data/series/pre-ln/step00512"));
 * console.log(attention, mlp);
 * ```
 */
export function predictInit(named: NamedConfig, options: RandomInitOptions = {}): Predicted {
  expect("predict", "configuration", named, aConfig);
  expect("predict", "options", options, optionsOf(randomInitChecks));
  const { name, spec, initialiser, samples, length } = untrainedOf(named, options);
  expectForks(spec, `predict ${name}`);
  const { residual, mlp } = spec.layers[0];
  const attention = scoring(spec.layers[0].attention);
  if (!attention || !mlp || spec.layers.some((layer) => !layer.attention || !layer.mlp)) {
    throw new TypeError(
      `Cannot predict ${name}: a layer lacks a module, expected attention and an MLP in each layer`,
    );
  }
  if (spec.layers.some((layer) => routed(layer.mlp))) {
    throw new TypeError(`Cannot predict ${name}: its layers have mixtures of experts, expected MLPs`);
  }
  if (
    spec.positions || attention.kind !== "softmax" || mlp.kind !== "dense" || attention.clip ||
    attention.sinks ||
    attention.outputGate || (attention.updateScale ?? 1) !== 1
  ) {
    throw new TypeError(
      `Cannot predict ${name}: the closed form does not cover learned positions, clipped projections, scaled updates, sinks, gates and latents, expected a model without them`,
    );
  }
  const model = {
    hidden: spec.hidden,
    layers: spec.layers.length,
    attentionWidth: attention.heads * attention.headSize,
    feedForward: mlp.size,
    gated: mlp.gated,
    activation: activations[mlp.activation],
    placement: shapeOf(spec).norm,
    epsilon: (attention.norm.pre ?? attention.norm.post)?.epsilon ?? 0,
    parallel: residual === "parallel",
    ...initialiser,
    embeddingScale: spec.embeddingScale,
    logitScale: attention.headSize * attention.scale ** 2,
    qkNorm: attention.qkNorm !== null,
  };
  const { ids } = zipfText(spec.vocabulary, { samples, length }).blocks;
  const parts = Array.from(
    { length: samples },
    (_, i) => initTheory(model, ids.subarray(i * length, (i + 1) * length)),
  );
  const average = (kind: ModuleKind) => spec.layers.map((_, l) => mean(parts.map((part) => part[kind][l])));
  return { ...eachOf(KINDS, average), logitVariance: Math.max(...parts.map((part) => part.logitVariance)) };
}

const geluTanh = (x: number) => x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

/** Within 1e-3 of the models' own: GELU by its tanh form. */
const activations: Record<MlpSpec["activation"], (x: number) => number> = {
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu: geluTanh,
  gelu_tanh: geluTanh,
  relu: (x) => Math.max(0, x),
  quick_gelu: (x) => x / (1 + Math.exp(-1.702 * x)),
};
