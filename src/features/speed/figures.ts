import type { Speed } from "./result.ts";
import { linearAxis } from "core/show/chart/draw/axes.ts";
import { hueOf } from "core/show/chart/draw/colors.ts";
import type { Panel, Series } from "core/show/chart/draw/panel.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { countsOf } from "./roofline_table.ts";
import { speedRows, speedSetting } from "./table.ts";
import { counted, formatFixed, reading, unknownText } from "core/show/words/mod.ts";

const PHASES = ["prefill", "decode"] as const;
type Phase = typeof PHASES[number];
const PHASE_NAMES = { prefill: "prefill", decode: "decoding" } as const;

type Spread = Speed["points"][number]["plans"][number]["speedup"][Phase];
type Line = ReturnType<typeof linesOf>[number];

const two = (value: number) => formatFixed(value, 2);

/** Draws the measured speed-ups of every plan and batch size over the context, reading on top, writing below, against the bound by bytes and operations (claim C1). */
export const speedFigure: Draw<[Speed]> = figure("speed", "speed", (result) => {
  const lines = linesOf(result);
  const pairs = lines.flatMap(({ at }) =>
    at.flatMap(({ plan: { speedup, predicted } }) =>
      predicted ? PHASES.map((phase) => nearness(speedup[phase], predicted[phase])) : []
    )
  );
  const [near, unknown] = (["near", "cannot tell"] as const).map((found) =>
    pairs.filter((pair) => pair === found).length
  );
  const rounds = counted(result.repeat, "round");
  return {
    rows: speedRows(result),
    title: {
      topic: lines.length > 0 ? "Speed-ups in llama.cpp" : "Only the full model was measured",
      found: pairs.length > 0 &&
        reading`${near} of ${pairs.length} speed-ups lie within ${percent} of the prediction,
        quartiles of ${rounds} included${unknownText({ unknown }, "for")}`,
    },
    shows: [
      "Speed-up by context length. Dots: measured, with quartiles" +
      (pairs.length === 0 && lines.length > 0
        ? "."
        : "; lines: predicted from measured parts; dashes: from bytes and operations alone."),
    ],
    setting: speedSetting(result),
    reads: lines.map(ratios),
    panels: lines.length === 0 ? [] : PHASES.map((phase) => chart(phase, lines)),
  };
});

/** The part of a prediction by which a measurement may be off. */
const NEAR = 0.15;
const percent = `${100 * NEAR} %`;

/** Whether the quartiles of a speed-up lie near its prediction, off it, or on both sides of the limit. */
function nearness({ low, high }: Spread, predicted: number): "near" | "off" | "cannot tell" {
  const [least, most] = [low / predicted - 1, high / predicted - 1];
  if (least >= -NEAR && most <= NEAR) return "near";
  return least > NEAR || most < -NEAR ? "off" : "cannot tell";
}

function linesOf({ plans, points }: Speed) {
  const batches = [...new Set(points.map(({ batch }) => batch))];
  return batches.flatMap((batch) =>
    plans.slice(1).map(({ drop }, i) => ({
      label: `${countsOf(drop)}${batches.length > 1 ? `, batch ${batch}` : ""}`,
      at: points.filter((point) => point.batch === batch).map(({ context, plans }) => (
        { context, plan: plans[i + 1] }
      )),
    }))
  ).map((line, i) => ({ ...line, ...hueOf(i) }));
}

function ratios({ label, at }: Line): string {
  const each = at.map(({ context, plan: { speedup, predicted } }) =>
    `at ${context} prefill ${two(speedup.prefill.median)}${
      predicted ? ` (predicted ${two(predicted.prefill)})` : ""
    }, decoding ${two(speedup.decode.median)}${predicted ? ` (${two(predicted.decode)})` : ""}`
  );
  return `${label}: ${each.join("; ")}.`;
}

function chart(phase: Phase, lines: readonly Line[]): Panel {
  const last = phase === PHASES.at(-1);
  const series = lines.flatMap((line) => seriesOf(line, phase));
  const points = series.flatMap(({ points }) => points);
  const contexts = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const values = points.flatMap(({ y, low = y, high = y }) => [y!, low!, high!]);
  const [least, most] = [Math.min(1, ...values), Math.max(1, ...values)];
  const air = Math.max(0.02, 0.05 * (most - least));
  return {
    height: last ? 300 : 262,
    x: {
      type: "log",
      domain: [contexts[0] / 1.2, contexts[contexts.length - 1] * 1.2],
      ticks: contexts,
      label: "context, tokens",
      bare: !last,
    },
    y: { ...linearAxis([least - air, most + air], `speed-up of ${PHASE_NAMES[phase]}`, two), rule: 1 },
    series,
  };
}

/** The bound by bytes and operations, the prediction from measured parts, and the measurement. */
function seriesOf({ label, color, shape, at }: Line, phase: Phase): Series[] {
  const curve = (name: "roofline" | "predicted") =>
    at.map(({ context, plan }) => ({ x: context, y: plan[name]?.[phase] ?? null }));
  const measured = at.map(({ context, plan: { speedup: { [phase]: { median, low, high } } } }) => ({
    x: context,
    y: median,
    low,
    high,
    says: reading`${label}, ${String(context)} tokens: ${{ value: median, low, high, decimals: 2 }}`,
  }));
  return [
    { color, points: curve("roofline"), width: 1.5, dash: "5 4" },
    { color, points: curve("predicted"), end: label },
    { color, shape, points: measured, width: 0, r: 5 },
  ];
}
