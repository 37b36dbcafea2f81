/**
 * Lamina: which layers of a transformer can be left out, and what it costs. Beside it: `lamina/figures` draws and judges results,
 * `lamina/series` follows a training run, `lamina/init` measures models before training, `lamina/cache` lists and prunes downloads.
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
  againstLlmDrop,
  type AttentionOf,
  attentionOf,
  type AttentionOptions,
  CALIBRATION_TEXT,
  causes,
  type CausesMeasures,
  type CausesOptions,
  compare,
  type ConstraintOptions,
  type Curve,
  type CurveOption,
  distinct,
  droppable,
  type DroppableOptions,
  dropsIn,
  type EngineOptions,
  type Estimate,
  estimate,
  evaluate,
  type EvaluateOptions,
  type EvaluatePrice,
  type EvaluationOptions,
  type Forcing,
  generate,
  type Generated,
  type GenerateOptions,
  guides,
  type GuidesOptions,
  type Head,
  HELD_OUT_TEXT,
  logits,
  losses,
  makePlan,
  type Observation,
  observe,
  type ObserveOptions,
  type Order,
  order,
  type OrderOptions,
  PAPER_ORDERS,
  type PaperOrders,
  perplexities,
  type PerplexityOptions,
  type PlanOptions,
  type PredictionOptions,
  type Price,
  profile,
  type ProfileOptions,
  rank,
  type Ranked,
  type RankOptions,
  type RankOrder,
  type RankTarget,
  readPlan,
  type Removal,
  type RemovalOptions,
  removals,
  repair,
  type RepairedOptions,
  type RepairOptions,
  roofline,
  type RooflineOptions,
  type Scores,
  speed,
  type SpeedEstimate,
  type SpeedOptions,
  type StudyOptions,
  type StudyTerms,
  sweep,
  type SweepOptions,
  type Target,
  type TaskPrice,
  type Terms,
  verify,
  type VerifyOptions,
  type WindowOptions,
  writePlan,
  type Written,
} from "./study/mod.ts";
export {
  type ModelOptions,
  openModel,
  type Packed,
  packText,
  type StudyModel,
  textNames,
  type TextOptions,
} from "./subject/mod.ts";
export { type Exported, exportModel, type ExportOptions, type Format, FORMATS } from "./export/mod.ts";
export {
  type AgainstLlmDrop,
  type Agreement,
  type Causes,
  type Checkpoints,
  type Comparison,
  type Computed,
  type Constraints,
  type DropOrder,
  type Evaluation,
  type Guide,
  type GuideName,
  type Guides,
  type Keeping,
  type Kind,
  merge,
  type OfficialDifference,
  type OrderAgreement,
  type Perplexity,
  type Plan,
  type Profile,
  type Provenance,
  type RandomInit,
  readResult,
  type ResultOf,
  type Roofline,
  type Sizes,
  type Speed,
  type Sweep,
  type Verification,
  writeResult,
} from "./result/mod.ts";
export {
  type AttentionRow,
  type DropPlan,
  OBSERVABLE,
  type Observable,
  type Observed,
  type Seen,
} from "./run/mod.ts";
export { reading, type ReadingValue } from "./show/mod.ts";
export type { EngineName, Precision } from "./engine/mod.ts";
export type { Progress, Reports } from "./entry/mod.ts";
export type { ByteSource, ModelFiles, OpenOptions } from "./hub/mod.ts";
export type { Change, DeviceName, LayerModule, ModuleKind, RepairName } from "./measure/mod.ts";
export { help, show } from "./show/cell.ts";
export type { BosRule } from "./tasks/mod.ts";
export type { Blocks, Tokenizer } from "./text/mod.ts";
