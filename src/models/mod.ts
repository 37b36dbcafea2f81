/** Architectures: `config.json` → `ModelSpec` → module graphs, and where the weights of each lie. */
export { attend, type Extent } from "./attention.ts";
export { headGraph, rotaryNames, stepGraph, type StepWeights } from "./decode_graph.ts";
export { readDropList } from "./drop_lists.ts";
export { deltaGraph } from "./delta_graph.ts";
export { memoryShapes } from "./delta_net.ts";
export { embeddingGraph, scoredRowsGraph } from "./end_graphs.ts";
export { expectSoftmax } from "./expect_softmax.ts";
export { families } from "./families/mod.ts";
export { ggufConfig, ggufNames } from "./gguf.ts";
export { architecturesOf, ggufStorage } from "./gguf_architectures.ts";
export { ropeFactorsOf } from "./gguf_rope.ts";
export {
  attentionGraph,
  type AttentionTaps,
  mlpPartGraph,
  type SegmentOptions,
  updateGraph,
  type UpdateTaps,
} from "./graphs.ts";
export type { StoredTypes } from "./linear.ts";
export type { RouterTaps } from "./mixture.ts";
export { expertGraph, routerGraph, sharedGraph } from "./mixture_graphs.ts";
export { type Initialiser, initialiserOf, randomWeights } from "./init.ts";
export { allowedFields, loadFolder, loadGguf, type Model, readSpec } from "./load.ts";
export { causalMask, last, lastOf, type Mask, segmentMask } from "./mask.ts";
export { isGrouped, keysShape, type KeysValues, sight } from "./past.ts";
export { plainName, storedTensor } from "./names.ts";
export { untied } from "./own_head.ts";
export { ownSizes, withoutPadding } from "./projections.ts";
export { reshape, type Reshaping } from "./reshape.ts";
export { ropeTables, rotationRegime, steadyLength } from "./rope.ts";
export {
  type AttentionSpec,
  type DeltaNetSpec,
  type ExpertSpec,
  isLinear,
  isMixture,
  type LayerSpec,
  linearLayers,
  type MixerSpec,
  type MlpSpec,
  type ModelSpec,
  type MoeSpec,
  type NormSpec,
  type RopeSpec,
  type SharedSpec,
  softmaxOf,
} from "./spec.ts";
export {
  expertName,
  expertTensors,
  layerTensors,
  normTensors,
  outerTensors,
  routerTensors,
  sharedTensors,
  type TensorNeed,
} from "./tensors.ts";
export { keptHeadSize, wholeGraph, wholeName } from "./whole_graph.ts";
