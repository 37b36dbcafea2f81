/**
 * The checkpoints of a training run: opened one after the other, and measured together.
 */
export { checkpoints, type CheckpointsOptions } from "./study/mod.ts";
export {
  type Checkpoint,
  openSeries,
  type OpenSeriesOptions,
  type Outline,
  type Series,
} from "./subject/mod.ts";
export type { SeriesOptions } from "./hub/mod.ts";
