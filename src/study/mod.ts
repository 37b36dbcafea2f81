/** The analyses: each a choice of plans, texts and probes. */
export { analyses, type AnalysisName, type AnalysisOptions, SIZES } from "./analyses/analyses.ts";
export { PROMISE, type Started, type StartOptions, startStudy } from "./analyses/start.ts";
export { againstLlmDrop } from "./passes/llm_drop.ts";
export { compare } from "./orders/compare.ts";
export { type AttentionOf, attentionOf, type AttentionOptions, type Head } from "./causes/attention_of.ts";
export {
  causes,
  type CausesMeasures,
  type CausesOptions,
  untrainedCauses,
  type UntrainedOptions,
} from "./causes/causes.ts";
export { type RunOptions, runOptionsOf, type ShardOptions, spansOf } from "./base/stage.ts";
export { type Division, divisionOf, type Price, priceOf, runWork, type Study } from "./base/study.ts";
export { estimate, studies, type StudyTerms, type Terms } from "./studies.ts";
export type { Estimate } from "./base/estimate.ts";
export {
  decompose,
  importanceOf,
  type MagnitudeShare,
  magnitudeShare,
  type Parts,
} from "./passes/decompose.ts";
export { evaluate, type EvaluateOptions, type EvaluationOptions } from "./evaluate/evaluate.ts";
export type { EvaluatePrice, TaskPrice } from "./evaluate/price.ts";
export { type Observation, observe, type ObserveOptions } from "./passes/observe.ts";
export type { DraftCounts } from "./writing/draft_counts.ts";
export {
  generate,
  generateChecks,
  type Generated,
  type GenerateOptions,
  type Written,
} from "./writing/generate.ts";
export { generation } from "./generation/generation.ts";
export type { GenerationOptions, GenerationStudyOptions } from "./generation/asked.ts";
export {
  CALIBRATION_TEXT,
  computedOn,
  type EngineOptions,
  type Forcing,
  HELD_OUT_TEXT,
  NotKept,
  recordedEngine,
  type StudyOptions,
} from "./base/options.ts";
export { logits, losses, type PredictionOptions } from "./passes/predictions.ts";
export { perplexities, type PerplexitiesOptions, type PerplexityOptions } from "./passes/perplexity.ts";
export type { Changing, ValueChange } from "./passes/changed.ts";
export type { RankName as RankOrder, ScoreName as Order, Target } from "../result/mod.ts";
export { aDrop, dropsIn } from "./base/plan.ts";
export { checkPlanFiles, planTensors, readPlan, tensorPath, writePlan } from "./repair/plan_file.ts";
export { WorseRepair } from "./repair/fresh.ts";
export { repair, REPAIR_SAMPLES, type RepairedOptions, type RepairOptions } from "./repair/repair.ts";
export {
  distinct,
  droppable,
  type DroppableOptions,
  rank,
  type Ranked,
  type RankOptions,
  type RankTarget,
} from "./orders/rank.ts";
export type { Scores } from "./scores/score.ts";
export { guides, type GuidesOptions } from "./orders/guides.ts";
export { BUDGET_SHARES, makePlan, type PlanOptions } from "./orders/make_plan.ts";
export type { WindowOptions } from "./orders/windows.ts";
export type { ConstraintOptions } from "./orders/constraints.ts";
export { order } from "./orders/order.ts";
export { allKvBytes } from "./orders/sizes.ts";
export type { OrderOptions } from "./orders/request.ts";
export { profile, type ProfileOptions } from "./passes/profile.ts";
export {
  atWidth,
  type ComputedRatio,
  computedRatio,
  initModel,
  initModels,
  type MeasuredInit,
  ratioMap,
  type RatioOptions,
} from "./untrained/init_models.ts";
export { predictInit } from "./untrained/predict.ts";
export { randomInit, type RandomInitOptions } from "./untrained/random_init.ts";
export {
  type Paired,
  paired,
  type Removal,
  removalAgreement,
  type RemovalOptions,
  removals,
} from "./orders/removals.ts";
export { DEVICE_NAMES, type DeviceName } from "../measure/mod.ts";
export { roofline, type RooflineOptions } from "./speed/roofline.ts";
export { speed, type SpeedEstimate, type SpeedOptions } from "./speed/speed.ts";
export { checkpoints, type CheckpointsOptions } from "./training/checkpoints.ts";
export { type Allowance, allowance } from "./sweep/allowance.ts";
export { type Curve, type CurveOption, SWEEP_STEPS } from "./sweep/curves.ts";
export { sweep, type SweepOptions } from "./sweep/sweep.ts";
export { fit, type FitOptions } from "./fit/fit.ts";
export { AIM_SHARES, type FitAim } from "./fit/aims.ts";
export type { FitLines } from "./fit/lines.ts";
