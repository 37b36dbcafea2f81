/** Requests that share a beginning, scored together. */
export * from "./pack.ts";
export * from "./plant.ts";
export * from "./score.ts";
