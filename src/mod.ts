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
export {
  attentionOf,
  type AttentionOptions,
  type BehindModel,
  type CalibratedOptions,
  causes,
  type CausesMeasures,
  type CausesOptions,
  certify,
  type CertifyOptions,
  type Changing,
  compare,
  compareSamples,
  type ConstraintOptions,
  type Curve,
  type CurveOption,
  depth,
  type DepthOptions,
  distinct,
  dropsIn,
  type EngineOptions,
  estimate,
  evaluate,
  type EvaluateOptions,
  fit,
  type FitAim,
  type FitLines,
  type FitOptions,
  type FitTarget,
  type Forcing,
  generate,
  type GenerateOptions,
  guides,
  type GuidesOptions,
  type Head,
  logits,
  losses,
  makePlan,
  type Observation,
  observe,
  type ObserveOptions,
  order,
  type OrderOptions,
  type OverPlan,
  type OverPlans,
  perplexities,
  type PerplexitiesOptions,
  type PlanLike,
  type PlanOptions,
  type PredictionOptions,
  profile,
  type ProfileOptions,
  rank,
  type RankName,
  type RankOptions,
  type RankTarget,
  readPlan,
  repair,
  type RepairOptions,
  roofline,
  type RooflineOptions,
  type RunOptions,
  type SamplesOptions,
  type ScoreName,
  speed,
  type SpeedOptions,
  type StudyOptions,
  sweep,
  type SweepOptions,
  type Target,
  type ValueChange,
  writePlan,
  type Written,
} from "./study/mod.ts";
export {
  info,
  type ModelOptions,
  openModel,
  packText,
  type StudyModel,
  type TextOptions,
} from "./subject/mod.ts";
export { exportModel, type ExportOptions } from "./export/mod.ts";
export { type Format, FORMATS } from "./formats/mod.ts";
export {
  type Causes,
  type Certificate,
  type Depth,
  type DropOrder,
  type Evaluation,
  type Guide,
  type Keeping,
  merge,
  type Perplexity,
  type Plan,
  type Profile,
  readResult,
  type Speed,
  type Sweep,
  type TypeOrder,
  writeResult,
} from "./result/mod.ts";
export { type DropPlan, type LayerValue, OBSERVABLE, type Observable, type Prediction } from "./run/mod.ts";
export { reading, type ReadingValue, toCSV } from "./show/mod.ts";
export type { EngineName, PluginName, Precision } from "./engine/mod.ts";
export type { Progress, Reports } from "./entry/mod.ts";
export type { ByteSource, ModelFiles, OpenOptions } from "./hub/mod.ts";
export type { Change, DeviceName, LayerModule, ModuleKind, RepairName, TablesChange } from "./measure/mod.ts";
export { help, show } from "./show/cell.ts";
export type { BosRule } from "./tasks/mod.ts";
export type { Blocks, Tokenizer } from "./text/mod.ts";
