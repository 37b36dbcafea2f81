/** The analyses: each a choice of plans, texts and probes. */
export { analyses, type AnalysisName, type AnalysisOptions, SIZES } from "./analyses/analyses.ts";
export { againstLlmDrop } from "./llm_drop.ts";
export { compare } from "./compare.ts";
export { type AttentionOf, attentionOf, type AttentionOptions, type Head } from "./causes/attention_of.ts";
export {
  causes,
  causesEstimate,
  type CausesMeasures,
  type CausesOptions,
  untrainedCauses,
  untrainedCausesEstimate,
} from "./causes/causes.ts";
export * from "./shards/mod.ts";
export { type Estimate, estimate, together } from "./estimate.ts";
export { weights } from "./weights.ts";
export { decompose, importanceOf, type MagnitudeShare, magnitudeShare, type Parts } from "./decompose.ts";
export { evaluate, type EvaluateOptions, evaluatePrice } from "./evaluate/evaluate.ts";
export type { EvaluatePrice } from "./evaluate/price.ts";
export { type Observation, observe, type ObserveOptions } from "./observe.ts";
export { generate, type Generated, type GenerateOptions, type Written } from "./generate.ts";
export {
  CALIBRATION_TEXT,
  computedOn,
  type EngineOptions,
  type Forcing,
  HELD_OUT_TEXT,
  type StudyOptions,
} from "./options.ts";
export { perplexities } from "./perplexity.ts";
export {
  aDrop,
  distinct,
  droppable,
  dropsIn,
  type Order,
  rank,
  type Ranked,
  type RankOrder,
  type RankTarget,
  type Scores,
  type Target,
} from "./plan.ts";
export { guides, guidesEstimate, type GuidesOptions } from "./guides.ts";
export { makePlan, type PlanOptions } from "./make_plan.ts";
export { readPlan, writePlan } from "./repair/plan_file.ts";
export { repair, REPAIR_SAMPLES, type RepairOptions, REPAIRS } from "./repair/repair.ts";
export type { ConstraintOptions } from "./orders/constraints.ts";
export { order, orderEstimate, type OrderOptions } from "./orders/order.ts";
export { profile, type ProfileOptions } from "./profile.ts";
export {
  atWidth,
  type ComputedRatio,
  computedRatio,
  initModel,
  initModels,
  type MeasuredInit,
  ratioMap,
} from "./untrained/init_models.ts";
export { predictInit } from "./untrained/predict.ts";
export { randomInit, randomInitEstimate, type RandomInitOptions } from "./untrained/random_init.ts";
export { type Paired, paired, type Removal, removalAgreement, removals } from "./removals.ts";
export { PAPER_ORDERS, type PaperOrders } from "./paper_orders.ts";
export { DEVICE_NAMES, type DeviceName } from "../measure/mod.ts";
export { roofline, type RooflineOptions } from "./speed/roofline.ts";
export { speed, type SpeedEstimate, speedEstimate, type SpeedOptions } from "./speed/speed.ts";
export { verify, verifyEstimate, type VerifyOptions } from "./verify.ts";
export { checkpoints, type CheckpointsOptions } from "./checkpoints.ts";
export { type Allowance, allowance } from "./sweep/allowance.ts";
export { type Curve, curvesOf, START_CURVES, SWEEP_STEPS, sweepSteps } from "./sweep/curves.ts";
export { sweepEstimate } from "./sweep/price.ts";
export { sweep } from "./sweep/sweep.ts";
