/** How the residual stream grows: its mean norm by depth. The same update weighs less the deeper it is added. */
import type { Profile } from "../../../result/mod.ts";
import { INK } from "../../chart/draw/colors.ts";
import { layerChart } from "../../chart/lines.ts";
import { formatNumber } from "../../chart/numbers.ts";
import { type Draw, figure } from "../../chart/svg.ts";

/** Draws the norm of the residual stream by depth. Throws `RangeError` if every layer is dropped. */
export const streamNormFigure: Draw<[Profile]> = figure(
  "stream_norm",
  "profile",
  ({ streamNorm: values }) => {
    const norms = values.flatMap((norm, layer) => norm === null ? [] : [{ layer, norm }]);
    if (norms.length === 0) {
      throw new RangeError(
        "Cannot draw the norm of the stream: every layer is dropped, expected at least one left",
      );
    }
    const [first, last] = [norms[0], norms.at(-1)!];
    const growth = last.norm / first.norm;
    const [from, to, times] = [first.norm, last.norm, growth].map(formatNumber);
    return {
      title: `The residual stream ${growth >= 1 ? "grows" : "shrinks"} to ${times} times its length over ` +
        `${last.layer - first.layer} layers`,
      subtitle: "Mean |x| over tokens at the input of each layer.",
      reading: `The mean norm goes from ${from} to ${to}, so an update of constant size would turn the ` +
        "stream less and less.",
      panels: [
        layerChart([{ label: "|x|", color: INK, shape: "circle", values, errors: [] }], {
          label: "mean |x| (log)",
          log: true,
        }),
      ],
      rows: norms,
    };
  },
);
