/**
 * Models before their first step: drawn from a configuration, measured, and held against the closed form.
 */
import "./features/mod.ts";
export {
  atWidth,
  type ComputedRatio,
  computedRatio,
  type InitModel,
  initModel,
  initModels,
  type Predicted,
  predictInit,
  randomInit,
  type randomInitChecks,
  type RandomInitOptions,
  type ratioChecks,
  ratioMap,
  type RatioOptions,
  type RatioPoint,
} from "./features/untrained/mod.ts";
export { type NamedConfig, openConfig, zipfText } from "./core/subject/mod.ts";
export type { Reshaping } from "./core/models/mod.ts";
