/**
 * How each cause correlates with importance over the layers of a model: Spearman's correlation with its interval.
 *
 * Attention: its pattern (means over heads, claim C5), how similar the tokens are that it reads (C6), the size of its update
 * relative to the stream (C7), and, if it was measured, the share of its update that follows from its own token. The MLP: the same
 * without patterns.
 */
import {
  type LayerModule,
  mean,
  MODULES,
  rankAgreement,
  SMOOTHING_NAMES,
  type SmoothingName,
} from "../../measure/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import { CAUSE_NAMES, type CauseCorrelation, type CauseName, type Causes } from "../../result/mod.ts";

/** What the correlations are made from. */
type Measured = Pick<Causes, "attention" | "mlp" | "patterns" | "smoothing" | "predictability">;

/** Every correlation that there is. */
export function correlationsOf(measured: Measured, layers: ModelSpec["layers"]): CauseCorrelation[] {
  return MODULES.flatMap((module) =>
    CAUSE_NAMES.flatMap((cause) => {
      const values = causeByLayer(measured, layers, module, cause);
      if (!values) return [];
      const { count, ...rank } = rankAgreement(values, measured[module].importance);
      return [{ module, cause, values: [...values], ...rank, layers: count }];
    })
  );
}

/** A cause's value for each layer's module [L], or null where the module has no such cause. */
function causeByLayer(
  { patterns, smoothing: [full], predictability, ...modules }: Measured,
  layers: ModelSpec["layers"],
  module: LayerModule,
  cause: CauseName,
): (number | null)[] | null {
  if (cause === "relativeMagnitude") return modules[module].relativeMagnitude;
  if (cause === "predictable") {
    return predictability?.[module].rest.map((rest) => rest === null ? null : 1 - rest) ?? null;
  }
  if (isSmoothing(cause)) return readStream(full, layers, module, cause);
  if (module === "mlp") return null;
  return patterns[cause].map((heads) => {
    const values = (heads ?? []).filter((value) => value !== null);
    return values.length ? mean(values) : null;
  });
}

/** Smoothing of the stream that a module reads: what the modules before it left. */
function readStream(
  full: Causes["smoothing"][number],
  layers: ModelSpec["layers"],
  module: LayerModule,
  name: SmoothingName,
): (number | null)[] {
  let stream = full.embedding[name];
  return layers.map(({ residual }, l) => {
    const [entering, between] = [stream, full.attention[name].mean[l]];
    stream = full.mlp[name].mean[l] ?? between ?? stream;
    return module === "mlp" && residual === "sequential" ? between ?? entering : entering;
  });
}

function isSmoothing(cause: CauseName): cause is SmoothingName {
  return (SMOOTHING_NAMES as readonly string[]).includes(cause);
}
