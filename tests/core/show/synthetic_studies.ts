/** Results of smaller studies made up for tests: training, orders, and untrained models beside their closed form. */
import type { Certificate } from "features/compare/mod.ts";
import { certificateOf } from "features/compare/derived.ts";
import { type Checkpoints, checkpointsKind } from "features/training/mod.ts";
import { head } from "core/result/mod.ts";
import { profile, provenance, type Shape, sweep } from "./synthetic.ts";
import { type LayerModule, MODULES } from "core/measure/mod.ts";
import { eachOf } from "core/entry/mod.ts";
import { type InitModel, randomInitKind } from "features/untrained/mod.ts";

/** Checkpoints whose importance falls by a half from each to the next. */
export function checkpoints(steps: readonly number[], shape: Shape, quality = true): Checkpoints {
  return {
    ...head(checkpointsKind),
    name: "a run",
    series: steps.map((step, i) => ({
      ...profile({ ...shape, scale: (shape.scale ?? 1) * 2 ** -i }),
      step,
      quality: quality ? sweep(shape, [0, Math.floor(shape.layers / 2)]) : null,
    })),
  };
}

/** A file of a model in which updates move more and more; its loss is `rise` nats per token higher, in some samples more. */
export function certificate(
  shape: Shape,
  { rise = 0.1, alike = true, drop }: {
    readonly rise?: number;
    readonly alike?: boolean;
    readonly drop?: Certificate["provenance"]["drop"];
  } = {},
): Certificate {
  const own = provenance(shape);
  const tokens = 63;
  const off = Array.from({ length: shape.samples ?? 4 }, (_, i) => (i % 4) / 3 - 0.5);
  const moves = (kind: LayerModule) =>
    Array.from(
      { length: shape.layers },
      (_, l) =>
        off.map((own) => ({ counted: 64, across: (1 + l) * (1 + own), along: kind === "mlp" ? 0.2 : 0.4 })),
    );
  const b = drop ? { drop } : { model: { ...own.model, name: "smaller", fingerprint: "sha256:01" } };
  return certificateOf(
    { provenance: { ...own, ...b }, of: own.model, bytes: [98e6, drop ? null : 87e6], within: 0.01 },
    {
      sums: off.map((own) => {
        const nll: [number, number] = [3 * tokens, tokens * (3 + rise * (1 + own / 2))];
        return { nll, kl: (1 + own) * tokens / 10, top1: 50, tokens };
      }),
      kl: off.flatMap(() => Array.from({ length: tokens }, (_, i) => 0.2 * (i / tokens) ** 3)),
      moves: alike ? eachOf(MODULES, moves) : null,
    },
  );
}

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
      ...head(randomInitKind),
      provenance: { ...made, model: { ...made.model, name: `llama (hidden ${hidden})` } },
      shape: {
        ...{ hidden, layers: LAYERS, heads: 1, kvHeads: 1, headSize: hidden },
        ...{ feedForward: 4 * hidden, vocabulary: 100, norm: "pre" },
      },
      ...{ initialiser: { std, residualStd: std }, seeds: [0, 1], tokens: 64, skippedTokens: 0 },
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
