import { type Certificate, QUANTILES } from "./result.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { linearAxis, logAxis, logDomain, withZero } from "core/show/chart/draw/axes.ts";
import { hueOf } from "core/show/chart/draw/colors.ts";
import type { Panel } from "core/show/chart/draw/panel.ts";
import { byKind, lineChart, numbersOf } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { certificateCost } from "./derived.ts";
import { certificateRows, namesOf, SIDES } from "./table.ts";
import { computedText, costTitle, fiveText, reading, tokensOf } from "core/show/words/mod.ts";

/**
 * Draws what a model costs in place of another: the share of tokens whose predictions diverge by more, and how far updates move across and
 * along the stream by layer, where both have the same layers.
 */
export const certificateFigure: Draw<[Certificate]> = figure("certificate", "certificate", (result) => {
  const { provenance, moves, rise, quantiles, within, equal } = result;
  const rows = certificateRows(result);
  const [a, b] = namesOf(result);
  const verdicts = { yes: "lies within", no: "lies beyond", "cannot tell": "may lie within or beyond" };
  return {
    rows,
    title: costTitle(certificateCost(result)),
    setting: `A: ${a} · B: ${b} · ${tokensOf(provenance)} · ${computedText(provenance)}`,
    shows: [
      `${fiveText(certificateCost(result))}.`,
      "The share of tokens at which KL(A ‖ B) is above a value.",
      moves !== null &&
      "Below, by layer: |e| / |u|, means over tokens, where a module's update u in A is u + e in B; bars: 95 % intervals over samples.",
    ],
    reads: [
      reading`The loss of B is ${rise} nats per token above that of A, which ${verdicts[equal]}
        ±${`${within}`}. The largest KLD of a token is ${{ measured: quantiles.at(-1)! }}.`,
    ],
    panels: panelsOf(result, rows),
  };
});

const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`;

function panelsOf({ quantiles, moves }: Certificate, rows: readonly CsvRow[]): Panel[] {
  // Of predictions that are the same, no token is above a quantile.
  const tail = QUANTILES.slice(0, -1).map((share, i) => ({
    kl: Math.max(quantiles[i], 1e-9),
    above: 1 - share,
  }));
  return [
    lineChart([{ label: "", ...hueOf(0), rows: tail }], "kl", "above", {
      ...{ height: 260, r: 3.5, keyed: true },
      across: logAxis(logDomain(numbersOf(tail, "kl")), "KL(A ‖ B), nats (log)"),
      up: { ...logAxis([0.0008, 0.6], "share of tokens above (log)"), format: percent },
      says: ({ kl, above }) => reading`${{ share: above }} of tokens above ${{ measured: kl }} nats`,
    }),
    ...(moves ? SIDES : []).map((side) => {
      const own = rows.filter(({ measure, layer }) => measure === side && layer !== null);
      const up = (ends: readonly number[]) =>
        linearAxis(withZero(ends), `|e| / |u| ${side} the stream`, percent);
      return lineChart(byKind(own), "layer", "value", { height: 240, r: 2.5, ends: ["low", "high"], up });
    }),
  ];
}
