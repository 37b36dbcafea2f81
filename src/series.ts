/**
 * The checkpoints of a training run: opened one after the other, and measured together.
 */
import "./features/mod.ts";
export { checkpoints, type checkpointsChecks, type CheckpointsOptions } from "./features/training/mod.ts";
export {
  type Checkpoint,
  openSeries,
  type openSeriesChecks,
  type OpenSeriesOptions,
  type Outline,
  type Series,
} from "./core/subject/mod.ts";
export type { seriesChecks, SeriesOptions } from "./core/hub/mod.ts";
