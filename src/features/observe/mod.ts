/** Observation: values, predictions and patterns of a run, as functions. */
import { feature } from "core/feature/mod.ts";

export * from "./figures.ts";
export * from "./observe.ts";
export * from "./predictions.ts";
export * from "./spikes.ts";
export * from "./spikes_figure.ts";

export default feature({});
