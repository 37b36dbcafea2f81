/**
 * The Gram probe: all inner products of a layer's stream and updates, token by token, in one batched multiplication or by the
 * kernel `layer_gram`, and their sums by module and sample. Everything the paper measures of similarity and magnitude follows.
 */
import { gramProducts, layerGram } from "../../kernels/mod.ts";
import {
  KINDS,
  type ModuleKind,
  placesInGram,
  sumUpdates,
  type UpdatePlaces,
  type UpdateSums,
} from "../../measure/mod.ts";
import type { LayerSpec, UpdateTaps } from "../../models/mod.ts";
import { Add, Concat, MatMul, Reshape, Transpose, type Value } from "../../onnx/mod.ts";
import { type Present, type Probe, samplesIn } from "./probe.ts";

/** The vectors, and X, u and Y of each module. x stream, a and m updates, h = x + a, y = next stream, u = a + m, p = x + m. */
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
type BySample<Sums> = Partial<Record<ModuleKind, Sums[]>>[];
export type GramSums = BySample<UpdateSums>;

/** A probe that sums up what plan number `plan` shows; read `sums` after the run. */
export function gramProbe(layers: readonly LayerSpec[], plan = 0): Probe & { readonly sums: GramSums } {
  return productsProbe(layers, sumUpdates, plan);
}

/** The same for any sums over the inner products of one sample, so many for each token, those of X, u and Y at `places`. */
export function productsProbe<Sums>(
  layers: readonly LayerSpec[],
  sum: (all: Float32Array, products: number, places: UpdatePlaces) => Sums,
  plan = 0,
): Probe & { readonly sums: BySample<Sums> } {
  const sums: BySample<Sums> = layers.map(() => ({}));
  return {
    sums,
    only: [plan],
    update: (taps, layer, hidden) => ({ gram: gram(taps, layer, hidden) }),
    kernels: {
      update: async (engine, { x, a, m }, { residual }) => ({
        layer_gram: await layerGram(engine, {
          x,
          attention: a ?? undefined,
          mlp: m ?? undefined,
          parallel: residual === "parallel",
        }),
      }),
    },
    observeUpdate(seen) {
      const { layer, present, first, length } = seen;
      const byKernel = "layer_gram" in seen.outputs;
      const places = byKernel ? placesOfKernel : placesOfGraph(layers[layer].residual, present);
      const products = samplesIn(seen, byKernel ? "layer_gram" : "gram");
      for (const kind of KINDS.filter((kind) => kind === "block" || present[kind])) {
        const samples = sums[layer][kind] ??= [];
        products.forEach((own, i) => samples[first + i] = sum(own, own.length / length, places(kind)));
      }
    },
  };
}

function placesOfKernel(kind: ModuleKind): UpdatePlaces {
  const base = KINDS.indexOf(kind) * gramProducts.length;
  const places = gramProducts.map((product, i) => [product, base + i]);
  return Object.fromEntries(places) as UpdatePlaces;
}

function placesOfGraph(residual: LayerSpec["residual"], present: Present) {
  const layout = layoutOf(residual, present);
  return (kind: ModuleKind): UpdatePlaces => {
    const [x, u, y] = [...layout[kind]!].map((name) => layout.vectors.indexOf(name));
    return placesInGram(layout.vectors.length, [x, u, y]);
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
