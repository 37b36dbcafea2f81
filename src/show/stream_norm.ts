/** How the residual stream grows: its mean norm by depth. The same update weighs less the deeper it is added. */
import type { Provenance } from "../result/mod.ts";
import { INK } from "./svg.ts";
import { layerChart } from "./by_layer.ts";
import { formatNumber } from "./numbers.ts";
import { settingOf } from "./setting.ts";
import { drawFigure, type Figure } from "./svg.ts";

/** Norms of the stream, which a profile does not hold: ratios alone do not give them. */
export interface StreamNorms {
  readonly provenance: Provenance;
  /** Mean |x| over tokens where layer `layer` begins; `layer` = L is the end of the stack. */
  readonly norms: readonly { readonly layer: number; readonly value: number }[];
}

/** Draws the norm of the residual stream by depth. */
export function streamNormFigure({ provenance, norms }: StreamNorms): Figure {
  if (norms.length === 0) {
    throw new RangeError("Cannot draw the norm of the stream: no norms, expected one a layer");
  }
  const depth = Math.max(...norms.map(({ layer }) => layer));
  const values = Array.from(
    { length: depth + 1 },
    (_, layer) => norms.find((norm) => norm.layer === layer)?.value ?? null,
  );
  const [first, last] = [norms[0], norms.at(-1)!];
  const growth = last.value / first.value;
  return drawFigure({
    name: "stream_norm",
    title: `The residual stream ${growth >= 1 ? "grows" : "shrinks"} to ${
      formatNumber(growth)
    } times its length over ${last.layer - first.layer} layers`,
    subtitle: "Mean |x| over tokens where each layer begins; the last point is the end of the stack.",
    setting: settingOf(provenance),
    reading:
      `From ${formatNumber(first.value)} to ${
        formatNumber(last.value)
      }: an update of constant size would turn the ` +
      `stream ever less.`,
    panels: [
      layerChart([{ label: "|x|", color: INK, values, errors: [] }], { label: "mean |x| (log)", log: true }),
    ],
    rows: norms.map(({ layer, value }) => ({ layer, norm: value })),
  });
}
