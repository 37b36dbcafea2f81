/** A plan made into a smaller model that other tools load. */
export { type Exported, exportModel, type ExportOptions } from "./export.ts";
export { type FileSizes, filesText } from "./card/sizes.ts";
export { type Format, FORMATS } from "./job.ts";
