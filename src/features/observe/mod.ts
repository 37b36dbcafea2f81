/** Observation: values, predictions and patterns of a run, as functions. */
import { feature, oneRow, recorded } from "core/feature/mod.ts";
import { constantsKind, spikesKind } from "./result.ts";
import { constantsStudy, spikesStudy } from "./spikes.ts";

export * from "./figures.ts";
export * from "./observe.ts";
export * from "./predictions.ts";
export * from "./result.ts";
export * from "./spikes.ts";
export * from "./spikes_figure.ts";

export default feature({
  studies: { spikes: spikesStudy, "spike-constants": constantsStudy },
  looks: [
    recorded(spikesKind, ({ model, spikes }) => spikes.map((spike) => ({ model, ...spike }))),
    oneRow(constantsKind, ({ layer, times, tokens: { spike, rest } }) => ({ layer, times, spike, rest })),
  ],
});
