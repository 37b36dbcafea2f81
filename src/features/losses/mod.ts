export * from "./changed.ts";
export * from "./result.ts";
export * from "./scored.ts";
export * from "./study.ts";
export * from "./table.ts";
