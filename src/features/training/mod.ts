export * from "./figures/checkpoint_lines.ts";
export * from "./figures/checkpoint_map.ts";
export * from "./figures/checkpoint_quality.ts";
export * from "./result.ts";
export * from "./study.ts";
export * from "./table.ts";
export * from "./trends.ts";
