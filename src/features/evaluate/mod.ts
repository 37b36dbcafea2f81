export * from "./accuracy.ts";
export * from "./beside.ts";
export * from "./figures.ts";
export * from "./price.ts";
export * from "./result.ts";
export * from "./rounds.ts";
export * from "./study.ts";
export * from "./table.ts";
