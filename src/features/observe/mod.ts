/** Observation: values, predictions and patterns of a run, as functions. */
import { feature } from "core/feature/mod.ts";

export * from "./attention_of.ts";
export * from "./figures.ts";
export * from "./observe.ts";
export * from "./predictions.ts";

export default feature({});
