/** The norms probe: how long each update is, token by token, and how much that differs between tokens. */
import { ReduceSumSquare, type Value } from "../../onnx/mod.ts";
import type { Observation, Probe } from "./probe.ts";

/** Sums over all tokens of all samples. */
export interface NormSums {
  tokens: number;
  /** Σ |u| */
  norm: number;
  /** Σ |u|² */
  square: number;
}

/** Sums of one layer's modules; a module that was not run has none. */
export type LayerNorms = Partial<Record<"attention" | "mlp", NormSums>>;

/** A probe of what plan number `plan` adds to the stream; read `layers[layer]` after the run. */
export function normsProbe(layers: number, plan = 0): Probe & { readonly layers: LayerNorms[] } {
  const sums = Array.from({ length: layers }, (): LayerNorms => ({}));
  return {
    layers: sums,
    only: [plan],
    update: ({ a, m }): Record<string, Value> => ({
      ...a ? { "norms.attention": ReduceSumSquare(a) } : {},
      ...m ? { "norms.mlp": ReduceSumSquare(m) } : {},
    }),
    observeUpdate({ layer, present, outputs }: Observation) {
      for (const kind of ["attention", "mlp"] as const) {
        if (!present[kind]) continue;
        const sum = sums[layer][kind] ??= { tokens: 0, norm: 0, square: 0 };
        for (const square of outputs[`norms.${kind}`].data as Float32Array) {
          sum.tokens++;
          sum.norm += Math.sqrt(square);
          sum.square += square;
        }
      }
    },
  };
}
