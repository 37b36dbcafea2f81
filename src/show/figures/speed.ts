/** Measured speed-ups over the context, on what bytes and operations allow: reading on top, writing below (claim C1). */
import { expect, resultOf } from "../../entry/mod.ts";
import * as Plot from "@observablehq/plot";
import type { Speed } from "../../result/mod.ts";
import { AXIS_X, AXIS_Y, endLabels, FRAME, HUES } from "../chart/axes.ts";
import { dots, SHAPE_ORDER } from "../chart/marks.ts";
import { formatFixed } from "../chart/numbers.ts";
import { counted } from "../chart/summary.ts";
import { drawFigure, type Figure, INK } from "../chart/svg.ts";
import { countsOf } from "../tables/roofline.ts";
import { speedRows, speedSetting } from "../tables/speed.ts";

type Phase = "prefill" | "decode";
const PHASES: readonly Phase[] = ["prefill", "decode"];
const PHASE_NAMES = { prefill: "prefill", decode: "decoding" } as const;

/** A plan in one batch size. */
interface Line {
  readonly label: string;
  readonly color: string;
  readonly at: readonly {
    readonly context: number;
    readonly plan: Speed["points"][number]["plans"][number];
  }[];
}

/**
 * Draws the measured speed-ups of every plan and batch size.
 *
 * @example
 * ```ts
 * import { openSeries, speed, speedFigure } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const plans = [{ attention: [4, 5, 6, 7] }];
 * const { svg, reading } = speedFigure(await speed(model, { plans, context: [16, 64], new: 2, repeat: 2 }));
 * model.close();
 * ```
 */
export function speedFigure(result: Speed): Figure {
  expect("draw", "result", result, resultOf("speed"));
  const lines = linesOf(result);
  const pairs = lines.flatMap(({ at }) =>
    at.flatMap(({ plan }) => PHASES.map((phase) => plan.speedup[phase].median / plan.predicted[phase] - 1))
  );
  const near = pairs.filter((off) => Math.abs(off) <= 0.15).length;
  return drawFigure({
    name: "speed",
    title: pairs.length === 0
      ? "Only the full model was measured"
      : `${near} of ${pairs.length} speed-ups lie within 15 % of the prediction (medians of ${
        counted(result.repeat, "round")
      })`,
    subtitle:
      "Speed-up by context length. Dots: measured, with quartiles; lines: predicted from measured parts; dashes: from " +
      "bytes and operations alone.",
    setting: speedSetting(result),
    reading: lines.map(readingOf).join(" "),
    panels: pairs.length === 0 ? [] : PHASES.map((phase, i) => chart(phase, lines, i === PHASES.length - 1)),
    rows: speedRows(result),
  });
}

function linesOf({ plans, points }: Speed): Line[] {
  const batches = [...new Set(points.map(({ batch }) => batch))];
  return batches.flatMap((batch) =>
    plans.slice(1).map(({ drop }, i) => ({
      label: `${countsOf(drop)}${batches.length > 1 ? `, batch ${batch}` : ""}`,
      color: "",
      at: points.filter((point) => point.batch === batch).map(({ context, plans }) => ({
        context,
        plan: plans[i + 1],
      })),
    }))
  ).map((line, i) => ({ ...line, color: HUES[i % HUES.length] }));
}

function readingOf({ label, at }: Line): string {
  const two = (value: number) => formatFixed(value, 2);
  const each = at.map(({ context, plan: { speedup, predicted } }) =>
    `at ${context} prefill ${two(speedup.prefill.median)} (predicted ${two(predicted.prefill)}), ` +
    `decoding ${two(speedup.decode.median)} (${two(predicted.decode)})`
  );
  return `${label}: ${each.join("; ")}.`;
}

function chart(phase: Phase, lines: readonly Line[], last: boolean): Plot.PlotOptions {
  const longest = Math.max(...lines.map(({ label }) => label.length));
  const frame = {
    ...FRAME,
    height: last ? 300 : 262,
    marginBottom: last ? 50 : 12,
    marginRight: Math.min(220, 24 + 9 * longest),
  };
  const of = ({ at }: Line) =>
    at.map(({ context, plan }) => ({
      context,
      ...plan.speedup[phase],
      roofline: plan.roofline[phase],
      predicted: plan.predicted[phase],
    }));
  const all = lines.flatMap(of);
  const contexts = [...new Set(all.map(({ context }) => context))].sort((a, b) => a - b);
  const values = all.flatMap((
    { median, low, high, roofline, predicted },
  ) => [median, low, high, roofline, predicted]);
  const [least, most] = [Math.min(1, ...values), Math.max(1, ...values)];
  const air = Math.max(0.02, 0.05 * (most - least));
  const y = { type: "linear" as const, domain: [least - air, most + air] };
  return {
    ...frame,
    x: { type: "log", domain: [contexts[0] / 1.2, contexts[contexts.length - 1] * 1.2], axis: null },
    y,
    marks: [
      Plot.gridY({ stroke: "#d0d7de", strokeOpacity: 1 }),
      Plot.ruleY([1], { stroke: INK }),
      Plot.axisY({
        ...AXIS_Y,
        label: `speed-up of ${PHASE_NAMES[phase]}`,
        tickFormat: (value: number) => formatFixed(value, 2),
      }),
      ...last
        ? [
          Plot.axisX(contexts, {
            ...AXIS_X,
            text: (value: number) => String(value),
            label: "context, tokens",
          }),
        ]
        : [],
      ...lines.flatMap((line, i) => [
        Plot.line(of(line), { x: "context", y: "roofline", stroke: line.color, strokeDasharray: "5 4" }),
        Plot.line(of(line), { x: "context", y: "predicted", stroke: line.color, strokeWidth: 2 }),
        Plot.ruleX(of(line), {
          x: "context",
          y1: "low",
          y2: "high",
          stroke: line.color,
          strokeWidth: 3,
          strokeOpacity: 0.35,
        }),
        dots(of(line), {
          x: "context",
          y: "median",
          color: line.color,
          shape: SHAPE_ORDER[i % SHAPE_ORDER.length],
          title: ({ context, median, low, high }) =>
            `${line.label}, ${context} tokens: ${formatFixed(median, 2)} (${formatFixed(low, 2)} to ${
              formatFixed(high, 2)
            })`,
          r: 5,
        }),
      ]),
      ...endLabels(
        lines.map((line) => {
          const end = of(line)[line.at.length - 1];
          return { x: end.context, y: end.predicted, text: line.label, color: line.color };
        }),
        { ...frame, y },
      ),
    ],
  };
}
