export * from "./result.ts";
export * from "./study.ts";
export * from "./table.ts";
