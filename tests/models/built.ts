/** Every module graph of a model, as each kind of engine wants it. */
import {
  embeddingGraph,
  expertGraph,
  type Extent,
  headGraph,
  layerTensors,
  mixerGraph,
  type MixerSpec,
  type MixtureSpec,
  mlpPartGraph,
  type ModelSpec,
  networkTensors,
  outerTensors,
  routed,
  routerGraph,
  routerTensors,
  scoredRowsGraph,
  sharedGraph,
  sharedTensors,
  stepGraph,
  type TensorNeed,
  updateGraph,
} from "../../src/models/mod.ts";
import { cpuLowering, type Graph, type Lowering } from "../../src/onnx/mod.ts";
import type { DType } from "../../src/tensor/mod.ts";

/** How engines want their graphs. */
export const lowerings: Record<string, Lowering> = {
  cpu: cpuLowering,
  "cuda in float32": {
    attention: "standard",
    masked: "standard",
    rows: "scattered",
    bfloat16: "native",
    products: "f32",
  },
  "cuda in bfloat16": {
    attention: "standard",
    masked: "standard",
    rows: "scattered",
    bfloat16: "native",
    products: "bf16",
  },
  webgpu: {
    attention: "grouped-without-softcap",
    masked: "decomposed",
    rows: "gathered",
    bfloat16: "widened",
    products: "f32",
  },
  "neither operator": {
    attention: "decomposed",
    masked: "decomposed",
    rows: "gathered",
    bfloat16: "widened",
    products: "f32",
  },
};

/** Every graph of a model's first layer and of its head, all weights stored as one type. */
export function graphsOf(spec: ModelSpec, dtype: DType, lowering: Lowering): Graph[] {
  const { hidden, layers } = spec;
  const layer = layers.find(({ mlp }) => routed(mlp)) ?? layers[0];
  const stored = new Map(layerTensors(layer, hidden).map(([name]) => [name, dtype]));
  const outer = new Map(
    outerTensors({ ...spec, head: { ...spec.head, tied: false } }).map(([name]) => [name, dtype]),
  );
  const extent = { samples: 2, length: 300 };
  const options = { stored, lowering };
  return [
    ...mixerGraphs(layer.attention!, hidden, extent, options),
    updateGraph(layer, hidden, extent, { attention: true, mlp: true }, options),
    ...layer.mlp?.kind === "mixture"
      ? mixtureGraphs(layer.mlp, hidden, dtype, lowering)
      : [mlpPartGraph(layer.mlp!, hidden, extent, true, { ...options, onto: true })],
    embeddingGraph(hidden, 2),
    scoredRowsGraph(spec, 2),
    stepGraph(
      hidden,
      [routed(layer.mlp) ? { ...layer, mlp: null } : layer],
      [{ fed: stored }],
      undefined,
      lowering,
    ),
    headGraph(spec, { fed: outer }, lowering),
  ];
}

function mixerGraphs(
  mixer: MixerSpec,
  hidden: number,
  extent: Extent,
  options: { stored: ReadonlyMap<string, DType>; lowering: Lowering },
): Graph[] {
  if (mixer.kind === "delta") return [mixerGraph(mixer, hidden, extent, options)];
  return [
    mixerGraph(mixer, hidden, extent, options),
    mixerGraph(mixer, hidden, extent, { ...options, onto: true }),
  ];
}

function mixtureGraphs(spec: MixtureSpec, hidden: number, dtype: DType, lowering: Lowering): Graph[] {
  const stored = (needs: readonly TensorNeed[]) => new Map(needs.map(([name]) => [name, dtype]));
  const own = { stored: stored(networkTensors("expert", spec.expert, hidden)), lowering };
  const routing = { stored: stored(routerTensors(spec, hidden)), lowering };
  return [
    routerGraph(spec, hidden, true, routing),
    expertGraph(spec.expert, hidden, spec.top, own),
    expertGraph(spec.expert, hidden, spec.top, { ...own, onto: true }),
    ...spec.shared
      ? [sharedGraph(spec.shared, hidden, { stored: stored(sharedTensors(spec.shared, hidden)), lowering })]
      : [],
  ];
}
