export * from "./decoded.ts";
export * from "./generate.ts";
export * from "./result.ts";
