/** What is studied: an opened model, its texts, a series of checkpoints, a configuration. */
export { type NamedConfig, openConfig } from "./configs.ts";
export { openModel, type Outline, type StudyModel } from "./model.ts";
export { type Checkpoint, openSeries, type Series } from "./series.ts";
export { type Packed, packText, textNames, type TextOptions } from "./texts.ts";
export { zipfText } from "./zipf.ts";
