/** Subjects of studies: opened models, texts, series of checkpoints, configurations. */
export { aConfig, type NamedConfig, onConfig, openConfig } from "./configs.ts";
export { info } from "./info.ts";
export { type ModelOptions, noted, onModel, openModel, type Outline, type StudyModel } from "./model.ts";
export { packAgain } from "./repack.ts";
export { aSeries, type Checkpoint, openSeries, type OpenSeriesOptions, type Series } from "./series.ts";
export {
  aText,
  IDS,
  type Packed,
  packText,
  partOf,
  textChecks,
  textNames,
  type TextOptions,
} from "./texts.ts";
export { sizesOf } from "./sizes.ts";
export { readJson } from "./tokenizers.ts";
export { noticeBeyond } from "./trained.ts";
export { drawText, zipfText } from "./zipf.ts";
