/** The price of a run, in floating-point operations and bytes, before anything is read. */
import { kindOf, type LayerSpec, layerTensors, type Model, type ModelSpec } from "../../models/mod.ts";
import { type BlockLowering, cpuLowering, type Lowering } from "../../onnx/mod.ts";
import { elements } from "../../tensor/mod.ts";
import type { DropPlan } from "../../measure/mod.ts";
import { DEFAULT_BUDGET } from "../forward.ts";
import { BATCH_TOKENS, batchSize } from "../segments.ts";
import { PART_BYTES } from "../weights/parts.ts";
import { WITH_COPIES } from "../programs.ts";
import { type Form, formBytes, formOf, keptOfLayer, usualForm } from "../weights/forms.ts";
import { levels, modulesIn } from "../plan/trie.ts";
import { bytesAtOnce, coreOf, FLOAT32, flopsOf, type TensorBytes } from "./work.ts";

/** The price of running plans over N blocks of T tokens: of the layers, and with `head` of the predictions. */
export function cost(
  spec: ModelSpec,
  plans: readonly DropPlan[],
  { samples, length }: { readonly samples: number; readonly length: number },
  head: boolean,
) {
  const { hidden, vocabulary, layers } = spec;
  const tokens = samples * length;
  const step = { texts: samples, tokens: length, past: 0 };
  let [modules, flops, widest] = [0, 0, 1];
  for (const groups of levels(layers, plans)) {
    for (const { attention, mlp } of groups.map(modulesIn)) {
      modules += attention.length + mlp.length;
      for (const mixer of attention) {
        flops += flopsOf(mixer, hidden, "attention", tokens) + (coreOf(mixer, FLOAT32)(step)?.flops ?? 0);
      }
      for (const feed of mlp) flops += flopsOf(feed, hidden, "mlp", tokens);
    }
    widest = Math.max(widest, groups.flat().length);
  }
  if (head) flops += 2 * plans.length * samples * (length - 1) * hidden * vocabulary;
  const atOnce = Math.min(tokens, length * batchSize(length));
  const streams = (count: number) => 4 * widest * count * hidden;
  const beyond = Math.max(0, atOnce - BATCH_TOKENS) * 4 * Math.max(...layers.map(widthOf));
  return {
    /** Modules run, counted once for all samples. */
    modules,
    /** Multiplications and additions of all products, attention's causal half included. */
    flops,
    /** Bytes of the streams that exist together, with the numbers that a module makes of one batch beyond the usual. */
    stateBytes: Math.max(streams(atOnce), Math.min(streams(tokens), DEFAULT_BUDGET)) + beyond,
  };
}

/** Numbers that the wider module of a layer makes of a token on its way. */
export function widthOf({ attention, mlp }: LayerSpec): number {
  return Math.max(...[attention, mlp].map((module) => module ? kindOf(module).width(module) : 0));
}

/** Bytes of the largest layer's weights in float32; a mixture counts with one of its experts. */
export function layerBytes({ layers, hidden }: ModelSpec): number {
  return Math.max(...layers.map((layer) => atOnce(layer, hidden, ([, shape]) => 4 * elements(shape))));
}

/**
 * Bytes of the largest part of an attention whose weights are drawn part by part: a head with its keys is never cut. An MLP is cut
 * down to single units, which are far smaller.
 */
export function partBytes({ layers, hidden }: ModelSpec): number {
  let most = 0;
  for (const { attention, mlp: _, ...rest } of layers) {
    if (!attention) continue;
    const shapes = new Map(
      layerTensors({ ...rest, attention, mlp: null }, hidden).map(([name, shape]) => [name, shape]),
    );
    for (const { cuts } of kindOf(attention).cut(attention, hidden, PART_BYTES, "attention")) {
      let bytes = 0;
      for (const [name, cut] of cuts) {
        const shape = shapes.get(name)!;
        bytes += 4 * elements(shape) * (cut ? (cut.end - cut.start) / shape[cut.axis] : 1);
      }
      most = Math.max(most, bytes);
    }
  }
  return most;
}

/** A model that passes run through; without a source of weights all are float32. */
export type Passed = Pick<Model, "spec"> & { readonly weights?: Model["weights"] | undefined };

/**
 * Bytes of the weights that a pass has at hand on the CPU: a layer's, and those of the next one, which is read ahead. Where a layer's
 * blocks are not widened, the programs of the layer at work have copies of them.
 */
export function passBytes(model: Passed, { blocks }: Pick<Lowering, "blocks"> = cpuLowering): number {
  const { spec: { layers, hidden } } = model;
  const form = passForms(model, blocks);
  return Math.max(...layers.map((layer, l) =>
    atOnce(layer, hidden, ([name, shape]) => {
      const own = form(l, name);
      const copies = typeof own === "string" ? 0 : WITH_COPIES;
      return (2 + copies) * formBytes(own, shape);
    })
  ));
}

/** The form in which passes multiply with most numbers of the layers' matrices. */
export function passForm(model: Passed, { blocks }: Pick<Lowering, "blocks">): Form {
  return usualForm(model.spec, passForms(model, blocks));
}

function passForms({ spec: { layers, hidden }, weights }: Passed, blocks: BlockLowering) {
  const kept = layers.map((layer) => keptOfLayer(layer, hidden, blocks));
  return (l: number, name: string): Form => formOf(weights?.storage(l, name) ?? {}, kept[l], "f32");
}

function atOnce({ attention, mlp }: LayerSpec, hidden: number, weight: TensorBytes): number {
  return (attention ? bytesAtOnce(attention, hidden, "attention", weight) : 0) +
    (mlp ? bytesAtOnce(mlp, hidden, "mlp", weight) : 0);
}
