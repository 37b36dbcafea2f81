import { like, list, orElse, record, resultOf } from "../../../entry/mod.ts";
import { type LayerModule, median, rankAgreement } from "../../../measure/mod.ts";
import { type Causes, correlationSign, RISE } from "../../../result/mod.ts";
import type { CsvRow } from "../../chart/csv.ts";
import { formatPercent, indexAxis, linearAxis } from "../../chart/draw/axes.ts";
import type { Panel } from "../../chart/draw/panel.ts";
import { byKind, columnOf, scatter } from "../../chart/plots.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { causesRows } from "../../tables/causes.ts";
import { correlationText, counted, type Finding, reading, settingOf } from "../../words/mod.ts";

/** What removing single modules costs in nats per token, as `removals` measures it. */
export type RemovalCosts = {
  readonly [Kind in LayerModule]?: readonly { readonly layer: number; readonly rise: number }[];
};

const aCost = like("a removal with its layer and rise", (value) => {
  const { layer, rise } = (value ?? {}) as Partial<Record<string, unknown>>;
  return Number.isInteger(layer) && Number.isFinite(rise);
});
const removed = list(aCost, "removals");
const someCosts = record({ attention: removed, mlp: removed }, "removals, as { attention, mlp }");

const PARTS = [
  { column: "mean_share", label: "mean", color: "#8b949e", shape: "square" },
  { column: "own_token_share", label: "own token", color: "#d9a441", shape: "square" },
] as const;

/**
 * Draws the shares of each update by layer, and importance and (if given) the rise of the loss without the module against the share that the own token
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
export const predictabilityFigure: Draw<[Causes, RemovalCosts?]> = figure("predictability", {
  result: resultOf("causes"),
  costs: orElse((value) => value === undefined, () => null, someCosts),
}, (result, costs = {}) => {
  const { provenance, provenance: { causes: { predictability: measured } } } = result;
  if (!result.predictability || !measured) {
    throw new RangeError(
      "Cannot draw predictability: found no measurement, expected a study with samples for predictability",
    );
  }
  const rows = causesRows(result).map((row) => ({ ...row, rise: riseIn(row, costs) }));
  const kinds = byKind<CsvRow>(rows).map(correlated);
  const priced = kinds.filter(({ kind }) => costs[kind as LayerModule]);
  const { samples, length, heldOut } = measured;
  return {
    rows,
    title: finding(provenance.model.name, kinds[0].importance),
    shows: [
      "Shares of each update's mean square, by layer; from below: its mean, what a linear function of the module's input",
      "for the same token adds; empty: the rest.",
      reading`Below: importance${priced.length > 0 && ", and the loss from removing the module,"} against the
        predictable share, one mark per layer;`,
      "r: rank correlation over the layers, with its 95 % confidence interval.",
    ],
    setting: settingOf(
      provenance,
      `shares from ${samples} × ${length} tokens, measured on the last ${counted(heldOut, "sample")}`,
    ),
    reads: kinds.map((kind) => shareText(kind, priced.includes(kind))),
    key: PARTS,
    panels: [
      ...kinds.map(bars),
      ...kinds.map((kind) => against(kind, "importance", "importance (log)")),
      ...priced.map((kind) => against(kind, "rise", RISE)),
    ],
  };
});

function riseIn({ module, layer }: CsvRow, costs: RemovalCosts): number | null {
  return costs[module as LayerModule]?.find((own) => own.layer === layer)?.rise ?? null;
}

/** The rows of a kind of module, and the correlations of the predictable share in them. */
function correlated(group: ReturnType<typeof byKind<CsvRow>>[number]) {
  const agreement = (other: string) =>
    rankAgreement(columnOf(group.rows, "predictable"), columnOf(group.rows, other));
  return { ...group, importance: agreement("importance"), rise: agreement("rise") };
}

type Kind = ReturnType<typeof correlated>;

function finding(model: string, { count: layers, ...ranked }: Kind["importance"]): Finding {
  const sign = correlationSign({ ...ranked, layers });
  if (sign === 0) return { open: "whether attention that its own token predicts is the less important one" };
  const which = sign < 0 ? "less" : "more";
  return { found: `In ${model}, attention is ${which} important where its own token predicts more of it` };
}

function shareText({ label, rows, importance, rise }: Kind, isPriced: boolean): string {
  const share = median(columnOf(rows, "predictable"));
  if (share === null) return `${label}: cannot tell, too few tokens.`;
  const priced = isPriced && `, with the rise of the loss without the module ${correlationText(rise)}`;
  return reading`${label}: ${{ share }} of the median layer's update is predictable; rank correlation with
    importance ${correlationText(importance)}${priced}.`;
}

/** A bar for each layer, empty above its parts, up to 1. */
function bars({ label: text, color, rows }: Kind): Panel {
  const cells = rows.flatMap((row) => {
    const layer = Number(row.layer);
    let y = 0;
    return PARTS.flatMap(({ column, label, color: fill }) => {
      const measured = Number(row[column] ?? 0);
      const share = Math.min(1 - y, Math.max(0, measured)); // an estimate may be below 0
      if (share === 0) return [];
      const says = reading`${text}, layer ${layer}, ${label}: ${{ share: measured }}`;
      return [{ x1: layer - 0.42, x2: layer + 0.42, y1: y, y2: y += share, fill, says }];
    });
  });
  return {
    part: 1 / 2,
    height: 240,
    headings: [{ text, color }],
    x: indexAxis(rows.length, "layer"),
    y: { ...linearAxis([0, 1], "share of the update"), ticks: [0, 0.5, 1] },
    cells,
  };
}

function against(kind: Kind, of: "importance" | "rise", label: string) {
  return scatter([kind], {
    part: 1 / 2,
    headings: [{ text: `r ${correlationText(kind[of])}`, color: kind.color, small: true }],
    x: { of: "predictable", label: "predictable share", format: formatPercent },
    y: { of, label, log: of === "importance" },
    says: (row) => reading`${{ share: row.predictable as number }}, ${{ measured: row[of] as number }}`,
  });
}
