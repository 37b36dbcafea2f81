/** A plan made into a smaller model that other tools load. */
export * from "./export.ts";
