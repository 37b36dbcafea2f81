/** Compute kernels on WebGPU and CUDA, over an engine's memory, and the plain reference each is checked against. */
export {
  type AttentionInput,
  attentionRow,
  attentionScores,
  type AttentionSizes,
  type AttentionStats,
  attentionStats,
  attentionStatsKernel,
  attentionStatsReference,
  readAttentionStats,
} from "./attention_stats.ts";
export { kernelNames, tryKernel } from "./checks.ts";
export { type Kernel, kernelSource, type Params } from "./kernel.ts";
export { launch } from "./launch.ts";
export {
  gramProducts,
  layerGram,
  layerGramKernel,
  layerGramReference,
  type LayerStates,
} from "./layer_gram.ts";
export { openNvrtc } from "./nvrtc.ts";
export { type NormalDraw, normalDraw, randomNormalKernel, randomNormalParams } from "./random_normal.ts";
export {
  readSmoothingSums,
  tokenSmoothing,
  tokenSmoothingKernel,
  tokenSmoothingReference,
  type TokenStates,
} from "./token_smoothing.ts";
