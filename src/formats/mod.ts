/** A smaller model in each format, as files that are not written yet. */
export { changeText, notesOnChanges } from "./changes/express.ts";
export * from "./formats.ts";
export * from "./job.ts";
export * from "./sizes.ts";
export * from "./stored.ts";
