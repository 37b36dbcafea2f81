export * from "./fits.ts";
export * from "./needed.ts";
export * from "./rounding.ts";
export * from "./study.ts";
