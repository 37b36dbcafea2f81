/** Architectures: `config.json` → `ModelSpec` → module graphs, and where the weights of each lie. */
export { allowedFields, loadFolder, loadGguf, type Model, readSpec } from "./load.ts";
export { type Initialiser, initialiserOf, randomWeights } from "./init.ts";
export type { AttentionSpec, RopeSpec, TensorNeed } from "./pieces.ts";
export { reshape, type Reshaping } from "./reshape.ts";
export {
  expectForks,
  firstScoring,
  type LayerSpec,
  layersWithoutForks,
  type ModelSpec,
  modelTensors,
  outerTensors,
  specKey,
} from "./spec.ts";
export { blockMultiplier, NAS_TYPE, plainConfig } from "./config/blocks.ts";
export { packingOf } from "./config/packing.ts";
export { readDropList } from "./config/drop_lists.ts";
export { architecturesOf, ggufConfig, ggufNames, ggufStorage } from "./families/gguf.ts";
export { families } from "./families/list.ts";
export { ropeFactorsOf } from "./gguf/rope.ts";
export { embeddingGraph, scoredRowsGraph } from "./graphs/ends.ts";
export { expertGraph, routerGraph, sharedGraph } from "./graphs/experts.ts";
export { type FitInput, fitInput, fitTensors } from "./graphs/inputs.ts";
export { mixerGraph, mlpPartGraph, updateGraph, type UpdateTaps } from "./graphs/layer.ts";
export { headGraph, stepGraph } from "./graphs/step.ts";
export { wholeGraph, wholeName } from "./graphs/whole.ts";
export { withoutPadding } from "./modules/attention.ts";
export { cutNetwork, float32Bytes, type Piece } from "./modules/cuts.ts";
export type { MlpSpec } from "./modules/dense.ts";
export {
  expertName,
  type ExpertSpec,
  type MixtureSpec,
  type RouterTaps,
  routerTensors,
  type SharedSpec,
  sharedTensors,
} from "./modules/experts.ts";
export { linearSpec } from "./modules/linear_map.ts";
export { meanSpec } from "./modules/mean.ts";
export { type AttentionTaps, INNER, type InnerName } from "./modules/kind.ts";
export {
  type FeedSpec,
  kindOf,
  layerTensors,
  mixerKind,
  type MixerSpec,
  routed,
  scoring,
  type ScoringSpec,
} from "./modules/list.ts";
export { networkTensors, normTensors } from "./modules/needs.ts";
export type { SoftmaxSpec } from "./modules/softmax.ts";
export { plainName, storedTensor } from "./stored/names.ts";
export { untied } from "./stored/own_head.ts";
export { attend, type Extent, keptHeadSize } from "./values/attention.ts";
export { blockInputs, blockProduct, blockTensors, storedBlocks, type StoredTypes } from "./values/blocks.ts";
export { fedWeights, linear } from "./values/linear.ts";
export { stacked } from "./values/stacks.ts";
export {
  causalMask,
  type KeySpan,
  keySpan,
  last,
  type Mask,
  ofSpan,
  segmentMask,
  spanLength,
  spanMask,
} from "./values/mask.ts";
export { type KeysValues, sight } from "./values/past.ts";
export { ropeTables, rotationRegime, steadyLength } from "./values/rope.ts";
export { rotaryNames } from "./values/rotary.ts";
export type { StoredWeights } from "../onnx/mod.ts";
