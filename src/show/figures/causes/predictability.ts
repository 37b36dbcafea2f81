/**
 * How much of each update follows from its own token, by layer, against importance and the cost of removal: is redundant attention the
 * attention that a token can predict about itself?
 */
import { like, list, orElse, record, resultOf } from "../../../entry/mod.ts";
import { type LayerModule, MODULES, rankAgreement } from "../../../measure/mod.ts";
import type { Causes } from "../../../result/mod.ts";
import {
  airyDomain,
  type Axis,
  formatPercent,
  indexAxis,
  linearAxis,
  logAxis,
  logDomain,
} from "../../chart/draw/axes.ts";
import { COLORS, lookOf } from "../../chart/draw/colors.ts";
import {
  counted,
  formatFixed,
  formatNumber,
  formatShare,
  median,
  withInterval,
} from "../../chart/numbers.ts";
import type { Cell, Panel } from "../../chart/draw/panel.ts";
import { KIND_NAMES, settingOf } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { correlationSign } from "../../chart/told.ts";
import { predictableShares } from "../../tables/causes.ts";

/** What removing single modules costs in nats per token, as `removals` measures it. */
export type RemovalCosts = {
  readonly [Kind in LayerModule]?: readonly { readonly layer: number; readonly difference: number }[];
};

const aCost = like("a removal with its layer and difference", (value) => {
  const { layer, difference } = (value ?? {}) as Partial<Record<string, unknown>>;
  return Number.isInteger(layer) && Number.isFinite(difference);
});
const removed = list(aCost, "removals");
const someCosts = record({ attention: removed, mlp: removed }, "removals, as { attention, mlp }");

/** The parts of a bar, the lowest first. The bar is empty above them, up to 1. */
const PARTS = [
  { part: "mean", name: "mean", fill: "#8b949e" },
  { part: "ownToken", name: "own token", fill: "#d9a441" },
] as const;

/**
 * Draws the shares of each update by layer, and importance and (if given) the cost of removal against the share that the own token
 * predicts. Throws `RangeError` if predictability was not measured.
 *
 * @example
 * ```ts
 * import { causes, openModel, profile, removals } from "lamina";
 * import { predictabilityFigure } from "lamina/figures";
 *
 * using model = await openModel("data/series/pre-ln/step00512");
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const result = await causes(model, { ...text, predictabilitySamples: 16 });
 * const attention = await removals(model, await profile(model, text), { ...text, kind: "attention" });
 * const { svg, reading } = predictabilityFigure(result, { attention });
 * ```
 */
export const predictabilityFigure: Draw<[Causes, RemovalCosts?]> = figure(
  "predictability",
  { result: resultOf("causes"), costs: orElse((value) => value === undefined, () => null, someCosts) },
  (result, costs = {}) => {
    const measured = result.provenance.causes.predictability;
    if (!result.predictability || !measured) {
      throw new RangeError(
        "Cannot draw predictability: found no measurement, expected a study with samples for predictability",
      );
    }
    const { samples, length, heldOut } = measured;
    const against = MODULES.map((module) => againstOf(result, module, costs));
    const hasCosts = against.some(({ cost }) => cost);
    return {
      title: titleOf(result, against[0]),
      subtitle:
        "Shares of each update's mean square, by layer; from below: its mean, what a linear function of the module's input " +
        "for the same token adds; empty: the rest. Below: importance" +
        `${
          hasCosts ? ", and the loss from removing the module," : ""
        } against the predictable share, one mark per layer; ` +
        "r: rank correlation over the layers, with its 95 % confidence interval.",
      setting:
        `${settingOf(result.provenance)} · shares from ${samples} × ${length} tokens, measured on the last ` +
        counted(heldOut, "sample"),
      reading: against.map(readingOf).join(" "),
      key: PARTS.map(({ name, fill }) => ({ label: name, color: fill, shape: "square" as const })),
      panels: [
        ...against.map(({ module }) => bars(result, module)),
        ...against.map(({ module, values, importance }) =>
          scatter(module, values, result[module].importance, importance, "importance (log)")
        ),
        ...against.flatMap(({ module, values, losses, cost }) =>
          cost ? [scatter(module, values, losses!, cost, "nats lost without it")] : []
        ),
      ],
      rows: against.flatMap(({ module, values, losses }) =>
        values.map((predictable, layer) => ({
          model: result.provenance.model.name,
          module: KIND_NAMES[module],
          layer,
          predictable,
          mean: result.predictability![module].mean[layer],
          own_token: result.predictability![module].ownToken[layer],
          rest: result.predictability![module].rest[layer],
          importance: result[module].importance[layer],
          cost: losses?.[layer] ?? null,
        }))
      ),
    };
  },
);

type Agreement = ReturnType<typeof rankAgreement>;
type Against = ReturnType<typeof againstOf>;

/** The predictable share by layer, and its correlations with importance and the cost of removal. */
function againstOf(result: Causes, module: LayerModule, costs: RemovalCosts) {
  const values = predictableShares(result, module);
  const losses = costs[module] &&
    values.map((_, layer) => costs[module]!.find((cost) => cost.layer === layer)?.difference ?? null);
  return {
    module,
    values,
    losses,
    importance: rankAgreement(values, result[module].importance),
    cost: losses && rankAgreement(values, losses),
  };
}

const signOf = ({ count, ...rank }: Agreement) => correlationSign({ ...rank, layers: count });

function titleOf({ provenance: { model } }: Causes, { importance }: Against): string {
  const sign = signOf(importance);
  if (sign === 0) {
    return "Cannot tell whether attention that its own token predicts is the less important one";
  }
  return `In ${model.name}, attention is ${
    sign < 0 ? "less" : "more"
  } important where its own token predicts more of it`;
}

function readingOf({ module, values, importance, cost }: Against): string {
  const share = median(values);
  if (share === null) return `${KIND_NAMES[module]}: cannot tell, too few tokens.`;
  const text = ({ rank, low, high }: Agreement) => rank === null ? "–" : withInterval(rank, low, high);
  return `${KIND_NAMES[module]}: ${
    formatShare(share)
  } of the median layer's update is predictable; rank correlation with ` +
    `importance ${text(importance)}${cost ? `, with the cost of removal ${text(cost)}` : ""}.`;
}

/** A bar for each layer. */
function bars(result: Causes, module: LayerModule): Panel {
  const layers = result.streamNorm.length;
  const cells = Array.from({ length: layers }, (_, layer) => {
    const shares = result.predictability![module];
    let y = 0;
    return PARTS.flatMap(({ part, name, fill }): Cell[] => {
      const share = Math.min(1 - y, Math.max(0, shares[part][layer] ?? 0)); // an estimate may be below 0
      if (share === 0) return [];
      const says = `${KIND_NAMES[module]}, layer ${layer}, ${name}: ${formatShare(shares[part][layer]!)}`;
      return [{ x1: layer - 0.42, x2: layer + 0.42, y1: y, y2: y += share, fill, says }];
    });
  }).flat();
  return {
    part: 1 / 2,
    height: 240,
    headings: [{ text: KIND_NAMES[module], color: COLORS[module] }],
    x: indexAxis(layers, "layer"),
    y: { ...linearAxis([0, 1], "share of the update"), ticks: [0, 0.5, 1] },
    cells,
  };
}

function scatter(
  module: LayerModule,
  values: readonly (number | null)[],
  against: readonly (number | null)[],
  { rank, low, high }: Agreement,
  label: string,
): Panel {
  const isLog = label.endsWith("(log)");
  const points = values.flatMap((x, layer) => {
    const y = against[layer] ?? null;
    if (x === null || y === null || (isLog && y <= 0)) return [];
    const says = `${KIND_NAMES[module]}, layer ${layer}: ${formatShare(x)}, ${formatNumber(y)}`;
    return [{ x, y, says }];
  });
  const heights = points.map(({ y }) => y);
  const [bottom, top] = airyDomain(heights);
  const decimals = top - bottom < 0.1 ? 3 : 2;
  const y: Axis = isLog
    ? logAxis(logDomain(heights), label)
    : linearAxis([bottom, top], label, (value) => formatFixed(value, decimals));
  return {
    part: 1 / 2,
    height: 270,
    headings: [{
      text: `r ${rank === null ? "–" : withInterval(rank, low, high)}`,
      color: COLORS[module],
      small: true,
    }],
    x: {
      domain: airyDomain(points.map(({ x }) => x)),
      format: formatPercent,
      label: "predictable share",
      small: true,
    },
    y: { ...y, small: true },
    series: [{ ...lookOf(module), points, width: 0, r: 3.5, opacity: 0.75 }],
  };
}
