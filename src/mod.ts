/**
 * Lamina: which layers of a transformer can be left out, and what it costs. Beside it: `lamina/results` has the types of results,
 * `lamina/figures` draws and judges them, `lamina/series` follows a training run, `lamina/init` measures models before training, `lamina/cache` lists and prunes downloads.
 *
 * Not run by tests: it fetches the model.
 *
 * ```ts ignore
 * import { makePlan, openModel, perplexities, profile } from "lamina";
 *
 * using model = await openModel("smollm2-135m");
 * const importance = await profile(model, { samples: 2, length: 128 });
 * const plan = makePlan(importance, { target: "attention", drop: 8 });
 * const [full, dropped] = await perplexities(model, [{}, plan], { samples: 2, length: 128 });
 * ```
 */
import "./features/mod.ts";
export { estimate, merge, readResult, toCSV, writeResult } from "./features/by_name.ts";
export {
  logits,
  losses,
  type Observation,
  observe,
  type observedChecks,
  type ObserveOptions,
  type predictionChecks,
  type PredictionOptions,
  type Spike,
  SPIKE_CASES,
  type SpikeConstants,
  spikeConstants,
  type SpikeModule,
  type SpikeOptions,
  type Spikes,
  spikes,
} from "./features/observe/mod.ts";
export {
  type BehindModel,
  dropsIn,
  type OverPlan,
  type OverPlans,
  type PlanLike,
} from "./core/study/plan.ts";
export {
  type calibratedChecks,
  type CalibratedOptions,
  type Curve,
  type CurveOption,
  type Sweep,
  sweep,
  type sweepChecks,
  type SweepOptions,
} from "./features/sweep/mod.ts";
export { type Causes, causes, type causesChecks, type CausesOptions } from "./features/causes/mod.ts";
export {
  type Certificate,
  certify,
  type certifyChecks,
  type CertifyOptions,
  compare,
} from "./features/compare/mod.ts";
export {
  type Changing,
  type contextChecks,
  type ContextOptions,
  type Interactions,
  interactions,
  type interactionsChecks,
  type InteractionsOptions,
  perplexities,
  type PerplexitiesOptions,
  type Perplexity,
  type ValueChange,
  type ValueSource,
  type WithoutContext,
  withoutContext,
} from "./features/losses/mod.ts";
export {
  type constraintChecks,
  type ConstraintOptions,
  type DropOrder,
  type Guide,
  guides,
  type guidesChecks,
  type GuidesOptions,
  makePlan,
  order,
  type orderChecks,
  type OrderOptions,
  type planChecks,
  type PlanOptions,
  rank,
  type rankChecks,
  type RankOptions,
  type RankTarget,
} from "./features/orders/mod.ts";
export {
  distinct,
  type Profile,
  profile,
  type profileChecks,
  type ProfileOptions,
} from "./features/profile/mod.ts";
export type {
  engineChecks,
  EngineOptions,
  Forcing,
  forcingChecks,
  RunOptions,
  StudyOptions,
} from "./core/study/options.ts";
export {
  evaluate,
  type evaluateChecks,
  type EvaluateOptions,
  type Evaluation,
} from "./features/evaluate/mod.ts";
export {
  type aimChecks,
  fit,
  type FitAim,
  type fitChecks,
  type FitOptions,
  type FitTarget,
  type searchChecks,
} from "./features/fit/mod.ts";
export {
  generate,
  type generateChecks,
  type GenerateOptions,
  type Written,
} from "./features/generate/mod.ts";
export {
  type Keeping,
  type keepingChecks,
  type Plan,
  type RankName,
  type ScoreName,
  type Target,
  type TypeOrder,
} from "./core/result/mod.ts";
export { readPlan, writePlan } from "./core/study/plan_file.ts";
export { repair, type repairChecks, type RepairOptions } from "./features/repair/mod.ts";
export {
  roofline,
  type rooflineChecks,
  type RooflineOptions,
  type Speed,
  speed,
  type speedChecks,
  type SpeedOptions,
} from "./features/speed/mod.ts";
export { info } from "./features/info/mod.ts";
export {
  type modelChecks,
  type ModelOptions,
  openModel,
  packText,
  type SomeText,
  type StudyModel,
  type textChecks,
  type TextOptions,
} from "./core/subject/mod.ts";
export { type exportChecks, exportModel, type ExportOptions } from "./features/export/mod.ts";
export { type Format, FORMATS } from "./core/formats/mod.ts";
export {
  type DropPlan,
  type LayerValue,
  OBSERVABLE,
  type Observable,
  type Prediction,
} from "./core/run/mod.ts";
export { reading, type ReadingValue } from "./core/show/words/reading.ts";
export type { EngineName, Precision } from "./core/engine/mod.ts";
export type { Progress, reportChecks, Reports } from "./core/entry/mod.ts";
export type { ByteSource, ModelFiles, openChecks, OpenOptions } from "./core/hub/mod.ts";
export type {
  Change,
  DeviceName,
  LayerModule,
  ModuleKind,
  RepairName,
  TablesChange,
} from "./core/measure/mod.ts";
export { help, question, show } from "./apps/notebook/cell.ts";
export type { BosRule } from "./core/tasks/mod.ts";
export type { Blocks, Tokenizer } from "./core/text/mod.ts";
