import { type Check, like, list, resultOf } from "core/entry/mod.ts";
import { linearAxis } from "core/show/chart/draw/axes.ts";
import { hueOf } from "core/show/chart/draw/colors.ts";
import { lineChart } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { counted, reading, settingsOf, textOf } from "core/show/words/mod.ts";
import type { WithoutContext } from "./result.ts";

/** Nats per token; a rise is near nothing below it. */
const NEAR = 0.01;

const aResult = like(
  "a result of withoutContext over single layers",
  (value) => [(value as Partial<WithoutContext>)?.rises].flat().some((one) => one?.layers?.length === 1),
);

/** A whole result has its form, too. */
const shown: Check = (value, path) =>
  aResult(value, path) ??
    ((value as Partial<WithoutContext>).kind === "context" ? resultOf("context")(value, path) : null);

/** Draws what it costs that one layer's values know only the token, with 95 % intervals over the samples. Each result has a row; sets of several layers are not drawn. */
export const contextFigure: Draw<[readonly Omit<WithoutContext, "kind" | "method">[]]> = figure("context", {
  results: list(shown, "results of withoutContext over single layers", 1),
}, (results) => {
  const all = results.map(({ rises, keep, seen, provenance: { model: { name: model } } }) => {
    const rows = rises.flatMap(({ from, layers: [layer, ...others], ...rise }) =>
      others.length > 0 ? [] : [{ model, from, layer, ...rise }]
    );
    const note = reading`first tokens with their own values: ${keep} · tokens with a mean: ${{
      share: seen,
    }}`;
    return { model, note, rows, places: [...Map.groupBy(rows, ({ from }) => from)] };
  });
  const rows = all.flatMap((one) => one.rows), [{ from: first }] = rows;
  const own = rows.filter(({ from }) => from === first), layers = counted(own.length, "layer");
  const below = (some: typeof rows) => some.filter(({ high }) => high !== null && high < NEAR).length;
  const free = below(own), open = own.filter(({ low }) => low === null || low < NEAR).length - free;
  const texts = [...new Set(results.map(({ calibration }) => textOf(calibration.text)))];
  return {
    rows,
    title: {
      found: `Values from the ${first} alone cost under ${NEAR} nats in ${free} of ${layers}`,
      open: open > 0 && `in ${open}`,
    },
    shows: [
      "Rise of the loss where one layer's attention mixes values that know no context: the layer's mean at the same token (token), its",
      "value of the token's embedding (embedding), its mean over all tokens (mean). Lines: 95 % intervals over the samples.",
    ],
    setting: settingsOf(results.map((one) => one.provenance), `means over ${texts.join(", ")}`),
    reads: all.flatMap(({ model, places }) =>
      places.map(([from, some]) => `${model}, ${from}: ${below(some)} of ${some.length} layers.`)
    ),
    panels: all.map(({ model, note, places }) =>
      lineChart(places.map(([label, rows], i) => ({ ...hueOf(i), label, rows })), "layer", "rise", {
        ends: ["low", "high"],
        headings: [{ text: model }, { text: note, small: true }],
        up(ends) {
          const domain = [1.2 * Math.min(0, ...ends), 1.3 * Math.max(NEAR, ...ends)] as const;
          const ticks = [0, 0.01, 0.1, 1, 10].filter((tick) => tick <= domain[1]);
          const axis = linearAxis(domain, "rise, nats/token (log)", String);
          return { ...axis, type: "symlog", constant: NEAR, ticks };
        },
      })
    ),
  };
});
