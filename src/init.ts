/**
 * Models before their first step: drawn from a configuration, measured, and held against the closed form.
 */
export {
  atWidth,
  type ComputedRatio,
  computedRatio,
  initModel,
  initModels,
  type MeasuredInit,
  predictInit,
  randomInit,
  type RandomInitOptions,
  ratioMap,
  type RatioOptions,
  untrainedCauses,
  type UntrainedOptions,
} from "./study/mod.ts";
export { type NamedConfig, openConfig, zipfText } from "./subject/mod.ts";
export type { Predicted, RatioPoint } from "./measure/mod.ts";
export type { Reshaping } from "./models/mod.ts";
