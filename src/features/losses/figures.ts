import { expect, like, wholeNumber } from "core/entry/mod.ts";
import { linearAxis } from "core/show/chart/draw/axes.ts";
import { hueOf } from "core/show/chart/draw/colors.ts";
import { lineChart } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { counted, reading, settingOf, textOf } from "core/show/words/mod.ts";
import type { WithoutContext } from "./context.ts";

/** Nats per token; a rise is near nothing below it. */
const NEAR = 0.01;

const aResult = like(
  "a result of withoutContext",
  (value) => Array.isArray((value as WithoutContext | null)?.rises),
);

/** Draws what it costs that one layer's values know only the token, with 95 % intervals over the samples. Sets of several layers are not drawn. */
export const contextFigure: Draw<[WithoutContext]> = figure("context", { result: aResult }, (result) => {
  const rows = result.rises.flatMap(({ from, layers: [layer, ...others], ...rise }) =>
    others.length > 0 ? [] : [{ from, layer, ...rise }]
  );
  expect("draw", "the number of layers that were changed alone", rows.length, wholeNumber(1));
  const places = [...Map.groupBy(rows, ({ from }) => from)];
  const below = (some: typeof rows) => some.filter(({ high }) => high !== null && high < NEAR).length;
  const [[first, own]] = places;
  const open = own.filter(({ low }) => low === null || low < NEAR).length - below(own);
  const layers = counted(own.length, "layer");
  return {
    rows,
    title: {
      found: `Values from the ${first} alone cost under ${NEAR} nats in ${below(own)} of ${layers}`,
      open: open > 0 && `in ${open}`,
    },
    shows: [
      "Rise of the loss where one layer's attention mixes values that know no context: the layer's mean at the same token (token), its",
      "value of the token's embedding (embedding), its mean over all tokens (mean). Lines: 95 % intervals over the samples.",
      result.keep > 0 && `First tokens of each sample that keep their own values: ${result.keep}.`,
    ],
    setting: settingOf(result.provenance, `means over ${textOf(result.calibration.text)}`),
    reads: places.map(([from, some]) => reading`${from}: ${below(some)} of ${some.length} layers.`),
    panels: [
      lineChart(places.map(([label, rows], i) => ({ ...hueOf(i), label, rows })), "layer", "rise", {
        ends: ["low", "high"],
        up(ends) {
          const domain = [1.2 * Math.min(0, ...ends), 1.3 * Math.max(NEAR, ...ends)] as const;
          const ticks = [0, 0.01, 0.1, 1, 10].filter((tick) => tick <= domain[1]);
          const axis = linearAxis(domain, "rise, nats/token (log)", String);
          return { ...axis, type: "symlog", constant: NEAR, ticks };
        },
      }),
    ],
  };
});
