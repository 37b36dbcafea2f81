/** A smaller model in each format, as files that are not written yet. */
export { changeText, notesOnChanges } from "./changes/express.ts";
export { makeAs, noteOnSize, sizesAs } from "./formats.ts";
export * from "./job.ts";
export { outputNames } from "./names.ts";
export * from "./sizer.ts";
export * from "./stored.ts";
