/** Running a model: the executor, what to drop, what to observe, how to score. */
export { type AttentionStatsOptions, attentionStatsProbe } from "./probes/attention_stats.ts";
export { type Cost, cost } from "./cost.ts";
export { type Decoder, decoder, type DecoderOptions } from "./decode/decode.ts";
export { effectsProbe, type EffectSums, type LayerEffects } from "./probes/effects.ts";
export { embed } from "./embed.ts";
export { type Blocks, forward, type ForwardOptions, type State } from "./forward.ts";
export { gramProbe, type GramSums, type ModuleKind } from "./probes/gram.ts";
export { type DistanceSum, llmDropProbe, type LlmDropSums } from "./probes/llm_drop.ts";
export { type LayerNorms, normsProbe, type NormSums } from "./probes/norms.ts";
export { PART_BYTES } from "./parts.ts";
export { type DropPlan, dropPlan, noDrop } from "./plan.ts";
export type { Observation, Probe } from "./probes/probe.ts";
export { type SampleOptions, sampler } from "./decode/sample.ts";
export { type Reference, reference, score, type ScoreOptions, type ScoreSums } from "./score.ts";
export { embeddingSmoothing, type LayerSmoothing, smoothingOf, smoothingProbe } from "./probes/smoothing.ts";
export { streamProbe } from "./probes/stream.ts";
export { countModules } from "./trie.ts";
