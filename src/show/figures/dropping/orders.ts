import { list, resultOf } from "../../../entry/mod.ts";
import { isByImportance, type Orders, RISE, riseOverSamples, SCORES } from "../../../result/mod.ts";
import { namesAxis, reversed } from "../../chart/draw/axes.ts";
import { lookOf, variantOf } from "../../chart/draw/colors.ts";
import type { Panel } from "../../chart/draw/panel.ts";
import { symlogAxis } from "../../chart/plots.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { ordersRows, sourceIn } from "../../tables/order.ts";
import {
  type Finding,
  formatTick,
  intervalText,
  KIND_NAMES,
  modules,
  reading,
  settingsOf,
  sharedText,
} from "../../words/mod.ts";

type Line = Orders["lines"][number];

/**
 * Draws what plans of the same number of modules cost, by the text and length that their score was measured on, with 95 % intervals over
 * the samples; a row of panels for each model. Dots are the first score, rings the others.
 */
export const ordersFigure: Draw<[readonly Orders[]]> = figure("orders", {
  results: list(resultOf("orders"), "results", 1),
}, (results) => {
  const lines = results.flatMap(({ provenance: { model: { name } }, lines }) =>
    lines.map((line) => ({ ...line, model: name }))
  );
  const scores = [...new Set(lines.map(({ by }) => SCORES[by].title ?? by))];
  return {
    rows: results.flatMap(ordersRows),
    title: finding(lines),
    shows: [
      "Rise of the loss when the first modules of an order are dropped, by the text and length of the score; lines: 95 %",
      `confidence intervals, paired over samples. The scale is linear up to ${LINEAR}.`,
      scores.length > 1 && `Dots: by ${scores[0]}; rings: by ${scores.slice(1)}.`,
    ],
    setting: settingsOf(results.map(({ provenance }) => provenance)),
    reads: [...lines.map(readingOf), sharedText(results)],
    panels: results.flatMap(panelsOf),
  };
});

/** Nats up to which the axis is linear. */
const LINEAR = 0.1;
const TICKS = [-1, -0.1, 0, 0.1, 0.3, 1, 3, 10];

type Named = Line & { readonly model: string };

/** The worst order by importance that surely costs more than the best; where none does, what stays open. */
function finding(lines: readonly Named[]): Finding {
  const paper = lines.filter(isByImportance);
  const all = paper.length > 0 ? paper : lines;
  const clear = all.filter(({ more, samples }) => more && (riseOverSamples(samples, more).low ?? 0) > 0)
    .sort((a, b) => b.more!.rise - a.more!.rise);
  const [first] = clear;
  return {
    found: first &&
      reading`The text and length of a score cost up to ${{ measured: first.more!.rise }} nats per token:
        ${modules(first.target, first.drop)} of ${first.model}`,
    open: !first && "whether the text of the score changes what a plan costs",
  };
}

function readingOf({ model, target, by, drop, orders, common, samples, rise, more }: Named): string {
  const cost = rise && more
    ? reading`; the best costs ${{ measured: rise.rise }} nats per token (${intervalText(rise, samples)}),
      the worst ${{ measured: more.rise }} more (${intervalText(more, samples)})`
    : "";
  const name = KIND_NAMES[target];
  return `${model}, ${name} by ${by}: ${orders} orders share ${common} of ${drop} modules${cost}.`;
}

/** A panel for each kind of module. */
function panelsOf({ provenance: { model, packing: { samples } }, orders }: Orders): Panel[] {
  const targets = [...Map.groupBy(orders, ({ target }) => target)];
  const sourceOf = sourceIn(orders);
  return targets.map(([target, own]) => {
    const sources = [...new Set(own.map(sourceOf))];
    const lines = [...Map.groupBy(own, ({ by }) => by)];
    const series = lines.map(([by, own], i) => ({
      ...lookOf(target),
      ...variantOf(i),
      points: own.map((order) => {
        const { low, high } = riseOverSamples(samples, order);
        const ends = low === null ? {} : { low, high: high! };
        return {
          x: order.rise,
          y: sources.indexOf(sourceOf(order)),
          says: `${by}, ${sourceOf(order)}: ${formatTick(order.rise)}`,
          ...ends,
        };
      }),
      width: 0,
      r: i === 0 ? 3.5 : 6,
      across: true,
    })).reverse();
    const values = series.flatMap(({ points }) =>
      points.flatMap(({ x, low = x, high = x }) => [low, x, high])
    );
    return {
      part: 1 / targets.length,
      height: 76 + 22 * sources.length + 46,
      headings: [
        { text: model.name, small: true },
        { text: modules(target, own[0].modules.length), color: lookOf(target).color },
      ],
      x: symlogAxis(values, { linear: LINEAR, label: RISE, ticks: TICKS }),
      y: reversed(namesAxis(sources)),
      series,
    };
  });
}
