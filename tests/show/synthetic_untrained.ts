/** Untrained models made up for tests, beside their closed form. */
import { eachOf } from "../../src/entry/mod.ts";
import { head } from "../../src/result/mod.ts";
import type { InitModel } from "../../src/show/mod.ts";
import { provenance } from "./synthetic.ts";

export const LAYERS = 5;
const made = provenance({ layers: LAYERS });

/** Importances that fall with depth; `off` is by how much the closed form differs from them. */
export function untrained({ ratio = 2, off = 1, variance = 0.05, hidden = 128, std = 0.02 } = {}): InitModel {
  const importances = (scale: number) => Array.from({ length: LAYERS }, (_, l) => scale * 0.1 / (1 + l));
  const seeds = (scale: number) => ({
    importance: importances(scale),
    relativeMagnitude: importances(1),
    largestRelativeMagnitude: importances(2),
    shareAbove2: importances(0),
    sign: importances(1),
    directions: eachOf(["alpha", "beta", "along", "turning"] as const, () => importances(scale)),
    spread: importances(scale / 10),
    bySeed: [importances(scale * 0.9), importances(scale * 1.1)],
  });
  return {
    measured: {
      ...head("random-init"),
      provenance: { ...made, model: { ...made.model, name: `llama (hidden ${hidden})` } },
      shape: {
        hidden,
        layers: LAYERS,
        heads: 1,
        kvHeads: 1,
        headSize: hidden,
        feedForward: 4 * hidden,
        vocabulary: 100,
        norm: "pre",
      },
      initialiser: { std, residualStd: std },
      seeds: [0, 1],
      tokens: 64,
      skippedTokens: 0,
      streamNorm: importances(1),
      attention: seeds(ratio),
      mlp: seeds(1),
      block: seeds(1 + ratio),
    },
    predicted: {
      attention: importances(ratio * off),
      mlp: importances(1),
      block: importances(1 + ratio),
      logitVariance: variance,
    },
  };
}
