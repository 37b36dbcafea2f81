/**
 * Gate-Norm (arXiv 2512.20636): how strongly queries and keys of an attention are coupled, from its weights alone.
 *
 * For each query head h with its key head g, the coupling is the matrix W_q^hᵀ W_k^g [D, D], of which the score is the Frobenius
 * norm over all heads. It needs no D × D matrix: ‖W_qᵀ W_k‖² = ⟨W_q W_qᵀ, W_k W_kᵀ⟩, products of [E, E].
 *
 * Limits: norms, biases and rotations are not part of it; where q and k are normed (Qwen 3, Gemma 3, OLMo 2) the size of their
 * weights does not reach the scores. The paper's abstract was read, not its formula: heads kept apart are our reading.
 */
import { mixerKind, scoring } from "../../models/mod.ts";
import { coupling } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { engineOf, reporter, type StudyOptions } from "../base/options.ts";
import { type Measurement, nothing, type Numbers, type Score } from "./score.ts";

const NAMES = ["attention.q_proj.weight", "attention.k_proj.weight"] as const;

/** By layer [L]; null where the layer has no softmax attention, since only there are q and k projections of the stream alone. */
export async function gateNorms(
  { spec: { layers, hidden }, weights }: Pick<StudyModel, "spec" | "weights">,
  options: StudyOptions,
): Promise<(number | null)[]> {
  const report = reporter("weights", "layers", options);
  const norms: (number | null)[] = [];
  for (const [l, layer] of layers.entries()) {
    const attention = scoring(layer.attention);
    options.signal?.throwIfAborted();
    norms.push(null);
    if (attention && !mixerKind(attention).scoring!.direct) {
      throw new TypeError(
        `Cannot order layers by Gate-Norm: q and k of layer ${l} come from latents, expected projections of the stream`,
      );
    }
    if (attention) {
      const lease = await weights.part(l, new Map(NAMES.map((name) => [name, null])));
      try {
        const [query, key] = NAMES.map((name) => lease.tensors.get(name)!);
        norms[l] = await coupling(await engineOf(options), attention, hidden, query, key);
      } finally {
        lease.release();
      }
    }
    report(l + 1, layers.length);
  }
  return norms;
}

const gates: Measurement<Numbers> = {
  passes: nothing.passes,
  measure: ({ model }, _round, options) => gateNorms(model, options),
};

export const gateNorm: Score = {
  only: { target: "attention", why: "only attention has queries and keys" },
  modules: { from: gates, read: (norms: Numbers, entries) => entries.map(({ layer }) => norms[layer]) },
};
