/** The price of a run, in floating-point operations and bytes, before anything is read. */
import { kindOf, type LayerSpec, type ModelSpec } from "../../models/mod.ts";
import type { DropPlan } from "../../measure/mod.ts";
import { DEFAULT_BUDGET } from "../forward.ts";
import { BATCH_TOKENS, batchSize } from "../segments.ts";
import { levels, modulesIn } from "../plan/trie.ts";
import { coreOf, FLOAT32, matricesAtOnce, productsOf } from "./work.ts";

/** The price of running plans over N blocks of T tokens. */
export interface Cost {
  /** Modules run, counted once for all samples. */
  readonly modules: number;
  /** Multiplications and additions of all products, attention's causal half included. */
  readonly flops: number;
  /** Bytes of the streams that exist together, with the numbers that a module makes of one batch beyond the usual, and of one layer's
   * weights in float32. */
  readonly stateBytes: number;
  readonly layerBytes: number;
}

/** Prices the layers, and with `head` the predictions. */
export function cost(
  spec: ModelSpec,
  plans: readonly DropPlan[],
  { samples, length }: { readonly samples: number; readonly length: number },
  head: boolean,
): Cost {
  const { hidden, vocabulary, layers } = spec;
  const tokens = samples * length;
  const step = { texts: samples, tokens: length, past: 0 };
  let [modules, flops, widest] = [0, 0, 1];
  for (const groups of levels(layers, plans)) {
    for (const { attention, mlp } of groups.map(modulesIn)) {
      modules += attention.length + mlp.length;
      for (const mixer of attention) {
        const core = coreOf(mixer, FLOAT32)(step)?.flops ?? 0;
        flops += productsOf(mixer, hidden, "attention", FLOAT32)(step).flops + core;
      }
      for (const feed of mlp) flops += productsOf(feed, hidden, "mlp", FLOAT32)(step).flops;
    }
    widest = Math.max(widest, groups.flat().length);
  }
  if (head) flops += 2 * plans.length * samples * (length - 1) * hidden * vocabulary;
  const atOnce = Math.min(tokens, length * batchSize(length));
  const streams = (count: number) => 4 * widest * count * hidden;
  const beyond = Math.max(0, atOnce - BATCH_TOKENS) * 4 * Math.max(...layers.map(widthOf));
  return {
    modules,
    flops,
    stateBytes: Math.max(streams(atOnce), Math.min(streams(tokens), DEFAULT_BUDGET)) + beyond,
    layerBytes: 4 * Math.max(...layers.map((layer) => layerMatrices(layer, hidden))),
  };
}

/** Numbers that the wider module of a layer makes of a token on its way. */
function widthOf({ attention, mlp }: LayerSpec): number {
  return Math.max(...[attention, mlp].map((module) => module ? kindOf(module).width(module) : 0));
}

function layerMatrices({ attention, mlp }: LayerSpec, hidden: number): number {
  return (attention ? matricesAtOnce(attention, hidden, "attention") : 0) +
    (mlp ? matricesAtOnce(mlp, hidden, "mlp") : 0);
}
