/**
 * The Gram probe: all inner products of a layer's stream and updates, token by token, in one batched multiplication,
 * and their sums by module and sample. Everything the paper measures of similarity and magnitude follows from it.
 */
import { sumUpdates, type UpdateSums } from "../../measure/mod.ts";
import type { LayerSpec, UpdateTaps } from "../../models/mod.ts";
import { Add, Concat, MatMul, Reshape, Transpose, type Value } from "../../onnx/mod.ts";
import type { Observation, Present, Probe } from "./probe.ts";

/** A module that has an importance. */
export type ModuleKind = "attention" | "mlp" | "block";

/**
 * The vectors, and which are X, u and Y of each module. x stream, a and m updates, h = x + a, y = next stream,
 * u = a + m, p = x + m.
 */
const layouts = {
  sequential: { vectors: "xamhyu", attention: "xah", mlp: "hmy", block: "xuy" },
  parallel: { vectors: "xamhyup", attention: "xah", mlp: "xmp", block: "xuy" },
  attentionOnly: { vectors: "xay", attention: "xay", mlp: null, block: "xay" },
  mlpOnly: { vectors: "xmy", attention: null, mlp: "xmy", block: "xmy" },
} as const;

function layoutOf(residual: LayerSpec["residual"], present: Present) {
  if (!present.mlp) return layouts.attentionOnly;
  return present.attention ? layouts[residual] : layouts.mlpOnly;
}

/** By layer, module and sample; `undefined` where a module was not run. */
export type BySample<Sums> = Partial<Record<ModuleKind, Sums[]>>[];
/** Sums of updates. */
export type GramSums = BySample<UpdateSums>;

/** A probe that sums up what plan number `plan` shows; read `sums` after the run. */
export function gramProbe(layers: readonly LayerSpec[], plan = 0): Probe & { readonly sums: GramSums } {
  return productsProbe(layers, sumUpdates, plan);
}

/** The same for any sums over the inner products [T, n, n] of one sample, where X, u and Y are vectors number `indices`. */
export function productsProbe<Sums>(
  layers: readonly LayerSpec[],
  sum: (products: Float32Array, n: number, indices: readonly [number, number, number]) => Sums,
  plan = 0,
): Probe & { readonly sums: BySample<Sums> } {
  const sums: BySample<Sums> = layers.map(() => ({}));
  return {
    sums,
    only: [plan],
    update: (taps, layer, hidden) => ({ gram: gram(taps, layer, hidden) }),
    observeUpdate(seen: Observation) {
      const layout = layoutOf(layers[seen.layer].residual, seen.present);
      const n = layout.vectors.length;
      const products = seen.outputs.gram.data as Float32Array;
      const perSample = seen.length * n * n;
      for (const kind of ["attention", "mlp", "block"] as const) {
        const triple = layout[kind];
        if (!triple) continue;
        const [x, u, y] = [...triple].map((name) => layout.vectors.indexOf(name));
        const samples = sums[seen.layer][kind] ??= [];
        for (let i = 0; i < seen.count; i++) {
          const part = products.subarray(i * perSample, (i + 1) * perSample);
          samples[seen.first + i] = sum(part, n, [x, u, y]);
        }
      }
    },
  };
}

/** Inner products of the layout's vectors: [N, n, n] for [N, D] each. */
function gram({ x, a, m, y }: UpdateTaps, layer: LayerSpec, hidden: number): Value {
  const layout = layoutOf(layer.residual, { attention: a !== null, mlp: m !== null });
  const made: Record<string, () => Value> = {
    x: () => x,
    a: () => a!,
    m: () => m!,
    h: () => Add(x, a!),
    y: () => y,
    u: () => Add(a!, m!),
    p: () => Add(x, m!),
  };
  const vectors = [...layout.vectors].map((name) => made[name]());
  const stacked = Reshape(Concat(vectors, 1), [-1, vectors.length, hidden]);
  return MatMul(stacked, Transpose(stacked, [0, 2, 1]));
}
