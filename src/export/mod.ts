/** A plan made into a smaller model that other tools load. */
export * from "./export.ts";
export * from "./card/sizes.ts";
export * from "./job.ts";
