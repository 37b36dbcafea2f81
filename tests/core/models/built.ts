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
  type StoredTypes,
  type TensorNeed,
  updateGraph,
} from "core/models/mod.ts";
import { cpuLowering, cudaLowering, type Graph, type Lowering, webgpuLowering } from "core/onnx/mod.ts";
import type { DType } from "core/tensor/mod.ts";

export const lowerings: Record<string, Lowering> = {
  cpu: cpuLowering,
  "cuda in float32": cudaLowering("f32"),
  "cuda in bfloat16": cudaLowering("bf16"),
  webgpu: webgpuLowering,
  "neither operator": { ...webgpuLowering, attention: "decomposed" },
};

/** Every graph of a model's first layer and of its head, all weights stored as one type. */
export function graphsOf(spec: ModelSpec, dtype: DType, lowering: Lowering): Graph[] {
  const { hidden, layers } = spec;
  const layer = layers.find(({ mlp }) => routed(mlp)) ?? layers[0];
  const stored = storedAs(layerTensors(layer, hidden), dtype);
  const outer = storedAs(outerTensors({ ...spec, head: { ...spec.head, tied: false } }), dtype);
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
    stepGraph(hidden, [routed(layer.mlp) ? { ...layer, mlp: null } : layer], [stored], undefined, lowering),
    headGraph(spec, outer, lowering),
  ];
}

function storedAs(needs: readonly TensorNeed[], dtype: DType): StoredTypes {
  return new Map(needs.map(([name, shape]) => [name, { dtype, shape }]));
}

function mixerGraphs(
  mixer: MixerSpec,
  hidden: number,
  extent: Extent,
  options: { stored: StoredTypes; lowering: Lowering },
): Graph[] {
  if (mixer.kind === "delta") return [mixerGraph(mixer, hidden, extent, options)];
  return [
    mixerGraph(mixer, hidden, extent, options),
    mixerGraph(mixer, hidden, extent, { ...options, onto: true }),
  ];
}

function mixtureGraphs(spec: MixtureSpec, hidden: number, dtype: DType, lowering: Lowering): Graph[] {
  const own = { stored: storedAs(networkTensors("expert", spec.expert, hidden), dtype), lowering };
  const routing = { stored: storedAs(routerTensors(spec, hidden), dtype), lowering };
  return [
    routerGraph(spec, hidden, true, routing),
    expertGraph(spec.expert, hidden, spec.top, own),
    expertGraph(spec.expert, hidden, spec.top, { ...own, onto: true }),
    ...spec.shared
      ? [
        sharedGraph(spec.shared, hidden, {
          stored: storedAs(sharedTensors(spec.shared, hidden), dtype),
          lowering,
        }),
      ]
      : [],
  ];
}
