/** Running a model: the executor, what to drop, what to observe, how to score. */
export { type Chain, openChain } from "./cost/chain.ts";
export { attentionSizes, attentionStatsProbe } from "./probes/attention_stats.ts";
export { cost, layerBytes, partBytes, passBytes, type Passed, passForm, widthOf } from "./cost/cost.ts";
export { decodingBytes, type Holding, stepBytes, stepForm } from "./decode/bytes.ts";
export { type Decoder, decoder, type DecoderOptions, MOST_CUT } from "./decode/decode.ts";
export { coupling } from "./probes/coupling.ts";
export { effectsProbe } from "./probes/effects.ts";
export { embed } from "./embed.ts";
export { forward, type ForwardOptions } from "./forward.ts";
export { freeAll, freeStates, take, withRead, withUploaded } from "./held.ts";
export { owningProgram } from "./programs.ts";
export { gramProbe, type GramSums, productsProbe } from "./probes/gram.ts";
export { type DistanceSum, llmDropProbe } from "./probes/llm_drop.ts";
export { normsProbe } from "./probes/norms.ts";
export { openRows, type RowPredictions, type TailSegment, tailStreams } from "./head/rows.ts";
export { textLogits, textLosses } from "./head/logits.ts";
export { PART_BYTES } from "./weights/parts.ts";
export { type DropPlan, noDrop } from "../measure/mod.ts";
export { changeKind } from "./plan/changes.ts";
export { dropPlan } from "./plan/plan.ts";
export { expectPrecision } from "./precision.ts";
export { changeTensorName, isChangeTensorName, keepTensors, tensorsOf } from "./plan/tensors.ts";
export { changedModel, changedSpec, checkedTensors, isRun } from "./plan/variants.ts";
export { readyProbe } from "./probes/ready.ts";
export { routingProbe } from "./probes/routing.ts";
export type { Observation, Probe } from "./probes/probe.ts";
export { difference, gatherApart } from "./repair/gather.ts";
export type { GatherPlace } from "./repair/gather_graph.ts";
export { hadamard, hasHadamard } from "./repair/hadamard.ts";
export { merged, type Moments } from "./repair/moments.ts";
export { type Matrix, openProducts, type Products } from "./repair/product.ts";
export { RefusedRepair } from "./repair/refused.ts";
export { type Fit, type FitSums, ridge, strengthOf, STRENGTHS } from "./repair/ridge.ts";
export { openWalk, type Stream, type Walk } from "./repair/walk.ts";
export { type Form, formBytes } from "./weights/forms.ts";
export { storedTypes } from "./weights/part.ts";
export { openPrograms, type Programs } from "./programs.ts";
export { argmax, type Sampler, sampler } from "./decode/sample.ts";
export { partsOf, readAtOnce } from "./decode/shared.ts";
export { draftRound, type Round } from "./decode/round.ts";
export { type Reference, reference, score, type ScoreOptions, type ScoreSums } from "./head/score.ts";
export { type Packing, packingOf, packRequests, tokensOf } from "./requests/pack.ts";
export type { ScoredRequest } from "./requests/plant.ts";
export { type RequestScore, scoreRequests } from "./requests/score.ts";
export { openScorer } from "./head/scorer.ts";
export { type Batch, batchSize, type Blocks, type Segment, segmentsOf } from "./segments.ts";
export { embeddingSmoothing, smoothingOf, smoothingProbe } from "./probes/smoothing.ts";
export { streamProbe } from "./probes/stream.ts";
export {
  type AttentionRow,
  LAYER_VALUES,
  type LayerValue,
  OBSERVABLE,
  type Observable,
  type Observed,
  type ObservedTokens,
  type Prediction,
  PREDICTIONS,
  type Seen,
} from "./probes/observable.ts";
export { valuesProbe } from "./probes/values.ts";
export { type Lens, openLens } from "./head/lens.ts";
export { windowsProbe, type WindowSums } from "./probes/windows.ts";
export { countModules } from "./plan/trie.ts";
export {
  type Bytes,
  bytesEach,
  FLOAT32,
  HALF,
  keyBytes,
  type ModuleWork,
  type NewTokens,
  tokenBytes,
  weightBytes,
  workOf,
} from "./cost/work.ts";
