import { DEPTH_MEASURES, type DepthSums, EFFECTIVE, effectiveDepth, ratio95 } from "../../src/measure/mod.ts";
import { type Depth, head } from "../../src/result/mod.ts";
import { eachOf } from "../../src/entry/mod.ts";
import { provenance, type Shape } from "./synthetic.ts";

/** Angles fall, progress and overlap rise with depth, and lenses come nearer, in some samples earlier; a layer without modules has no update. */
export function depth(shape: Shape): Depth {
  const { layers, samples: count = 4, attention = [], mlp = [] } = shape;
  const samples = Array.from({ length: count }, (_, sample): DepthSums => {
    const by = (of: (part: number, layer: number) => number | null) =>
      Array.from({ length: layers }, (_, l) => {
        const mean = of((l + 1) / layers, l);
        return mean === null ? { over: 0, under: 0 } : { over: 16 * mean, under: 16 };
      });
    const isBare = (l: number) => attention.includes(l) && mlp.includes(l);
    return {
      step: by((part, l) => isBare(l) ? 0 : 60 - 40 * part + sample),
      turn: by((part, l) => l + 1 === layers || isBare(l) || isBare(l + 1) ? null : 70 + 20 * part - sample),
      left: by((part) => 95 - 70 * part + sample / 2),
      progress: by((part) => part - 1 / layers),
      sign: by((part, l) => isBare(l) ? null : part - 0.4),
      kl: by((part) => 6 * (1 - part) * (1 + sample / 4)),
      overlap: by((part) => part ** 2),
      frequent: by((part) => 0.6 - 0.3 * part),
      revised: by((part) => 1 - part),
      again: by((part, l) => l + 2 < layers ? 3 * (1 - part) : 0),
    };
  });
  return {
    ...head("depth"),
    provenance: provenance(shape),
    stride: 4,
    rows: 16,
    frequent: [5, 3, 8],
    effective: eachOf(EFFECTIVE, (name) => effectiveDepth(samples, name)),
    measures: eachOf(
      DEPTH_MEASURES,
      (name) => samples[0][name].map((_, l) => ratio95(samples.map((sums) => sums[name][l]))),
    ),
    samples: samples as Depth["samples"],
  };
}
