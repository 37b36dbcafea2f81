export * from "./certify.ts";
export * from "./figures.ts";
export * from "./profiles.ts";
export * from "./result.ts";
export * from "./samples.ts";
export * from "./table.ts";
