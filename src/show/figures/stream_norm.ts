/** How the residual stream grows: its mean norm by depth. The same update weighs less the deeper it is added. */
import type { Profile } from "../../result/mod.ts";
import { INK } from "../chart/svg.ts";
import { layerChart } from "../chart/by_layer.ts";
import { formatNumber } from "../chart/numbers.ts";
import { settingOf } from "../chart/setting.ts";
import { drawFigure, type Figure } from "../chart/svg.ts";

/** Draws the norm of the residual stream by depth. Throws `RangeError` if every layer is dropped. */
export function streamNormFigure({ provenance, streamNorm: values }: Profile): Figure {
  const norms = values.flatMap((value, layer) => value === null ? [] : [{ layer, value }]);
  if (norms.length === 0) {
    throw new RangeError(
      "Cannot draw the norm of the stream: every layer is dropped, expected at least one left",
    );
  }
  const [first, last] = [norms[0], norms.at(-1)!];
  const growth = last.value / first.value;
  return drawFigure({
    name: "stream_norm",
    title: `The residual stream ${growth >= 1 ? "grows" : "shrinks"} to ${
      formatNumber(growth)
    } times its length over ${last.layer - first.layer} layers`,
    subtitle: "Mean |x| over tokens at the input of each layer.",
    setting: settingOf(provenance),
    reading:
      `The mean norm goes from ${formatNumber(first.value)} to ${
        formatNumber(last.value)
      }, so an update of constant size would turn the ` +
      `stream less and less.`,
    panels: [
      layerChart([{ label: "|x|", color: INK, shape: "circle", values, errors: [] }], {
        label: "mean |x| (log)",
        log: true,
      }),
    ],
    rows: norms.map(({ layer, value }) => ({ layer, norm: value })),
  });
}
