import { list, resultOf } from "../../../entry/mod.ts";
import { effectsOrder, type Perplexity, RISE } from "../../../result/mod.ts";
import type { CsvRow } from "../../chart/csv.ts";
import { logAxis, logDomain } from "../../chart/draw/axes.ts";
import { hueOf } from "../../chart/draw/colors.ts";
import type { Panel } from "../../chart/draw/panel.ts";
import { type Group, lineChart, numbersOf, symlogAxis } from "../../chart/plots.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { movingIn } from "../../tables/effects.ts";
import { perplexityRows } from "../../tables/quality.ts";
import { correlationText, type Finding, reading, settingsOf } from "../../words/mod.ts";
import { namesOf } from "../profiles.ts";

const SIDES = ["across", "along"] as const;

/**
 * Draws what plans cost against how far they move later updates, across the stream above and along it below, a mark for each plan that
 * moves any. Throws `RangeError` for fewer than two of them.
 */
export const effectsOrderFigure: Draw<[readonly Perplexity[]]> = figure("effects_order", {
  results: list(resultOf("perplexity"), "results", 1),
}, (results) => {
  const moving = movingIn(results);
  if (moving.length < 2) {
    throw new RangeError(
      `Cannot draw effects: found ${moving.length} that move updates, expected 2 plans or more`,
    );
  }
  const order = effectsOrder(moving);
  const rows = moving.flatMap(perplexityRows);
  const texts = rows.map(({ dropped }) => String(dropped));
  const names = new Set(texts).size === texts.length ? texts : namesOf(moving);
  const plans = rows.map((row, i) => ({ label: names[i], ...hueOf(0), width: 0, rows: [row] }));
  const originals = new Set(moving.map(({ effects: { of } = {} }) => `${of!.model.name} in ${of!.dtype}`));
  return {
    rows,
    title: finding(order),
    shows: [
      reading`A mark for each plan: its rise of the loss, with 95 % intervals over samples, against how far
        updates u of later modules move, to u + e, from those of ${[...originals]}: |e| / |u| across the
        stream above and along it below, means over tokens and modules.`,
    ],
    setting: settingsOf(
      moving.map(({ provenance }) => ({ ...provenance, drop: { attention: [], mlp: [] } })),
    ),
    reads: [
      reading`Rank correlation of |e| / |u| with the rise of the loss over ${order.across.count} plans:
        ${SIDES.map((side) => `${correlationText(order[side])} ${side} the stream`)}.`,
    ],
    panels: SIDES.map((side) => panelOf(plans, side, `rank correlation ${correlationText(order[side])}`)),
  };
});

function finding(order: ReturnType<typeof effectsOrder>): Finding {
  const sides = Map.groupBy(SIDES, (side) => order[side].sign);
  const costs = ([[1, "more"], [-1, "less"]] as const).flatMap(([sign, words]) => {
    const own = sides.get(sign);
    return own ? [`farther ${own.join(" and ")} the stream cost ${words}`] : [];
  });
  const open = costs.length > 0 ? "about moves" : "whether plans cost more that move later updates farther";
  return {
    found: costs.length > 0 && `Plans that move later updates ${costs.join(", those ")}`,
    open: sides.has(0) && `${open} ${sides.get(0)!.join(" or ")} the stream`,
  };
}

function panelOf(plans: readonly Group<CsvRow>[], side: typeof SIDES[number], text: string): Panel {
  const [x, y, ...ends] = [
    `effects_${side}`,
    "effects_rise",
    "effects_rise_low",
    "effects_rise_high",
  ] as const;
  const moves = plans.flatMap(({ rows }) => numbersOf(rows, x));
  return {
    ...lineChart(plans, x, y, {
      height: 330,
      headings: [{ text, small: true }],
      ends,
      across: logAxis(logDomain(moves), `|e| / |u| ${side} the stream (log)`),
      up: (ends) => symlogAxis(ends, RISE),
      r: 3.5,
      keyed: true,
      says: (row, plan) =>
        reading`${plan}: ${{ measured: row[x] as number }}, ${RISE} ${{ measured: row[y] as number }}`,
    }),
    names: plans.flatMap(({ label, color, rows }) =>
      rows.map((row) => ({ text: label, color, at: [{ x: Number(row[x]), y: Number(row[y]) }], small: true }))
    ),
  };
}
