/** The norms probe: how long each update is, token by token, and how much that differs between tokens. */
import { type LayerModule, MODULES } from "../../measure/mod.ts";
import { ReduceSumSquare, type Value } from "../../onnx/mod.ts";
import { type Probe, samplesIn } from "./probe.ts";

/** Sums over the tokens of a sample. */
interface NormSums {
  tokens: number;
  /** Σ |u| */
  norm: number;
  /** Σ |u|² */
  square: number;
}

/** Sums of one layer's modules by sample; a module that was not run has none. */
type LayerNorms = Partial<Record<LayerModule, NormSums[]>>;

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
    observeUpdate(seen) {
      for (const kind of MODULES.filter((kind) => seen.present[kind])) {
        const samples = sums[seen.layer][kind] ??= [];
        samplesIn(seen, `norms.${kind}`).forEach((own, i) => samples[seen.first + i] = sumsOf(own));
      }
    },
  };
}

function sumsOf(squares: Float32Array): NormSums {
  const sum = { tokens: squares.length, norm: 0, square: 0 };
  for (const square of squares) {
    sum.norm += Math.sqrt(square);
    sum.square += square;
  }
  return sum;
}
