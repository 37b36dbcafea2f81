/** Compute kernels on WebGPU and CUDA, and the plain reference each is checked against. */
export {
  type AttentionInput,
  attentionScores,
  type AttentionStats,
  attentionStats,
  attentionStatsCall,
  attentionStatsKernel,
  attentionStatsReference,
} from "./attention_stats.ts";
export { openCuda } from "./cuda.ts";
export {
  type Binding,
  type Device,
  type Found,
  type Kernel,
  kernelSource,
  type Params,
  type Prepared,
} from "./device.ts";
export { type Stage, type Words, type WordType } from "./device.ts";
export {
  gramProducts,
  layerGram,
  layerGramCall,
  layerGramKernel,
  layerGramReference,
  type LayerStates,
} from "./layer_gram.ts";
export { type Nvrtc, openNvrtc } from "./nvrtc.ts";
export { randomNormal, randomNormalCall, randomNormalKernel } from "./random_normal.ts";
export {
  tokenSmoothing,
  tokenSmoothingCall,
  tokenSmoothingKernel,
  tokenSmoothingReference,
  type TokenStates,
} from "./token_smoothing.ts";
export { openWebGpu } from "./webgpu.ts";
export { copyKernel, multiplyAddKernel } from "./yardsticks.ts";
