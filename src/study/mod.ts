/** The analyses: each a choice of plans, texts and probes. */
export { type AgainstLlmDrop, againstLlmDrop, type OfficialDifference } from "./llm_drop.ts";
export { type Agreement, compare, type Comparison } from "./compare.ts";
export { type AttentionOf, attentionOf, type Head } from "./attention_of.ts";
export {
  causes,
  causesEstimate,
  type CausesMeasures,
  type CausesOptions,
  untrainedCauses,
  untrainedCausesEstimate,
} from "./causes.ts";
export { type KernelsName } from "./kernels.ts";
export { type Estimate, estimate } from "./estimate.ts";
export { importanceOf } from "../measure/mod.ts";
export { decompose, type MagnitudeShare, magnitudeShare, type Parts } from "./decompose.ts";
export { examine, type Finding, type Probe } from "./machine.ts";
export { machineProbes } from "./machine_probes.ts";
export { generate, type Generated, type GenerateOptions, type Written } from "./generate.ts";
export { CALIBRATION_TEXT, HELD_OUT_TEXT, type StudyOptions } from "./options.ts";
export { perplexities } from "./perplexity.ts";
export { distinct, makePlan, type Order, rank, type Ranked, type Target } from "./plan.ts";
export { profile, type ProfileOptions } from "./profile.ts";
export { type NamedConfig, openConfig } from "./configs.ts";
export { atWidth, computedRatio, initModel, initModels, type MeasuredInit, ratioMap } from "./init_models.ts";
export { predictInit } from "./predict_init.ts";
export { randomInit, randomInitEstimate, type RandomInitOptions } from "./random_init.ts";
export { type Paired, paired, type Removal, removalAgreement, removals } from "./removals.ts";
export { checkpoints, type CheckpointsOptions } from "./checkpoints.ts";
export { type Checkpoint, openSeries, type Series } from "./series.ts";
export { openModel, type StudyModel } from "./session.ts";
export {
  type Allowance,
  allowance,
  type Curve,
  curvesOf,
  START_CURVES,
  sweep,
  SWEEP_STEPS,
} from "./sweep.ts";
export { textNames, type TextOptions } from "./texts.ts";
