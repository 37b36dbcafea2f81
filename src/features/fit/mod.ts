/** Fits: the smallest file within a divergence. */
import { feature } from "core/feature/mod.ts";
import { fitStudy } from "./study.ts";
export * from "./limits.ts";
export * from "./result.ts";
export { fit, type FitOptions, fitStudy } from "./study.ts";
export default feature({ studies: { fit: fitStudy } });
