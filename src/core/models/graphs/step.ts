/**
 * The graph of new tokens: some consecutive layers, and the head after them if requested. Their keys and values go behind those
 * of the tokens before (past.ts).
 */
import { cpuLowering, createGraph, type Graph, type Lowering, softcap, type Value } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import { layerTensors, mixerKind } from "../modules/list.ts";
import { normTensors } from "../modules/needs.ts";
import type { LayerSpec, ModelSpec } from "../spec.ts";
import type { StoredTypes } from "../values/blocks.ts";
import { fedWeights, linear, norm, scaled, type Weights } from "../values/linear.ts";
import { sharedInputs } from "../values/past.ts";
import { squares, takeWatched, watch } from "../values/watch.ts";
import { afterModules } from "./layer.ts";

/**
 * Layers of T new tokens of each of B texts. Inputs: x [B·T, D]; with a head `rows` [R], those of x whose logits are wanted; of each rotation cos and sin [T, R/2], the rows of their positions; what they see
 * (`sight`); of attention number i (in the list) `i.past_key` and `i.past_value` (`keysShape`); `i.NAME` for each weight. Outputs: `y` [B·T, D] or the head's (see `headGraph`), `i.present_key` and `i.present_value`, and with
 * any layer `squares`, of what all of them watch (watch.ts). A module that is null is left out.
 */
export function stepGraph(
  hidden: number,
  layers: readonly LayerSpec[],
  stored: readonly StoredTypes[],
  head?: { readonly spec: ModelSpec; readonly stored: StoredTypes },
  lowering: Lowering = cpuLowering,
  texts = 1,
): Graph {
  const graph = createGraph();
  const shared = sharedInputs(graph);
  let x = graph.input("x", "f32", ["tokens", hidden]);
  layers.forEach((layer, i) => {
    const own = fedWeights(graph, layerTensors(layer, hidden), stored[i], lowering, { prefix: `${i}.` });
    const { attention } = layer;
    const a = attention && mixerKind(attention).step(x, attention, own, {
      texts,
      lowering,
      shared,
      past: () =>
        Object.fromEntries(
          mixerKind(attention).memory(attention, lowering, texts).map(({ name, shape }) => [
            name,
            graph.input(`${i}.past_${name}`, "f32", shape(`past ${i}.`)),
          ]),
        ),
      present(memory) {
        for (const [name, value] of Object.entries(memory)) graph.output(`${i}.present_${name}`, value);
      },
    });
    x = watch(afterModules(x, layer, a, own));
  });
  // One row of all that is watched: sixty short sums would cost a token more than their numbers do.
  if (layers.length > 0) graph.output("squares", squares([op.Concat(takeWatched(graph), 1)]));
  if (head) addHead(x, head.spec, head.stored, head.spec.vocabulary, lowering);
  else graph.output("y", x);
  return graph;
}

/**
 * The head alone: x [B·T, D], `rows` [R], those whose logits are wanted, and the fed weights, `head.weight` of any number W of words;
 * output logits [R, W], and `head_squares`.
 */
export function headGraph(spec: ModelSpec, stored: StoredTypes, lowering: Lowering = cpuLowering): Graph {
  const graph = createGraph();
  addHead(graph.input("x", "f32", ["tokens", spec.hidden]), spec, stored, "words", lowering);
  return graph;
}

/** Logits are measured, so their product is float32 in every lowering. */
function addHead(
  x: Value,
  spec: ModelSpec,
  stored: StoredTypes,
  words: number | string,
  { blocks, bfloat16 }: Lowering,
): void {
  const asked = op.Gather(x, x.graph.input("rows", "i64", ["rows"]));
  const needs = [
    ...normTensors("final_norm", spec.finalNorm, spec.hidden),
    ["head.weight", [words, spec.hidden]] as const,
  ];
  const own = fedWeights(x.graph, needs, stored, { blocks, bfloat16, products: "f32" });
  x.graph.output("logits", logitsOf(asked, spec, own));
  x.graph.output("head_squares", squares(takeWatched(x.graph)));
}

/** Logits [N, rows] of streams [N, D]. */
export function logitsOf(x: Value, { finalNorm, head }: ModelSpec, weights: Weights): Value {
  const normed = scaled(norm(x, finalNorm, "final_norm", weights), head.scale);
  const logits = watch(linear(watch(normed), "head", weights));
  return head.softcap ? softcap(logits, head.softcap) : logits;
}
