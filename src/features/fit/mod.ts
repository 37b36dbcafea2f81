export * from "./aims.ts";
export * from "./figures.ts";
export * from "./fitted.ts";
export { type FitLines, type FitTarget } from "./lines.ts";
export * from "./result.ts";
export { fit, type FitOptions, fitStudy } from "./study.ts";
export * from "./table.ts";
export * from "./words.ts";
