/** What a model costs in place of another: a line for each number, and how far updates move by layer. */
import { formatBytes } from "../../entry/mod.ts";
import { type Estimate, MODULES, planPhrase, planText } from "../../measure/mod.ts";
import { type Certificate, QUANTILES } from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import { computedText, formatNumber, formatShare, KIND_NAMES, modelOf, tokensOf } from "../words/mod.ts";
import { byLayer, fixed, layerTable, originOf, record, type Table, tableOf } from "./table.ts";

/** The sides of the stream. */
export const SIDES = ["across", "along"] as const;

/** A number of a certificate: its names in CSV and in print, and how it is written. */
type Line = readonly [
  measure: string,
  title: string,
  found: Estimate | null,
  format?: (value: number) => string,
];

/** The second model by its name, or the first under the plan. */
export const secondOf = ({ provenance: { model, drop }, of }: Certificate): string =>
  model.fingerprint === of.fingerprint ? `${modelOf(model)} ${planPhrase(drop)}` : modelOf(model);

function linesOf({ bytes, perplexity, rise, kl, quantiles, top1, moves }: Certificate): Line[] {
  const exact = (value: number | null) => value === null ? null : { value, low: null, high: null };
  const each = (measure: string, title: string, values: readonly (number | null)[], format = formatNumber) =>
    values.map((own, i): Line => [`${measure}_${"ab"[i]}`, `${title}, ${"AB"[i]}`, exact(own), format]);
  return [
    ...each("bytes", "weights", bytes, formatBytes),
    ...each("perplexity", "perplexity", perplexity, fixed(2)),
    ["rise", "rise, nats per token", rise],
    ["kl", "mean KLD", kl],
    ...QUANTILES.map((share, i): Line => {
      const title = share === 1 ? "maximum" : share === 0.5 ? "median" : `${100 * share} %`;
      return [`kl_${100 * share}`, `${title} KLD`, exact(quantiles[i])];
    }),
    ["top1", "same top p", top1, formatShare],
    ...SIDES.map((side): Line => [side, `|e| / |u| ${side}`, moves && moves[side], formatShare]),
  ];
}

export function certificateTables(result: Certificate): Table[] {
  const { provenance, of, within, equal, moves } = result;
  const columns = MODULES.flatMap((kind) =>
    SIDES.map((side) => {
      const shares = moves?.[kind][side].map((found) => found?.value ?? null) ?? [];
      return byLayer(shares, { title: `${KIND_NAMES[kind]} ${side}`, format: formatShare });
    })
  );
  return [{
    title: `certificate · A: ${modelOf(of)} · B: ${secondOf(result)}`,
    note: `${tokensOf(provenance)} · ${computedText(provenance)}`,
    ...tableOf(linesOf(result).filter(([, , found]) => found), [
      { title: "", value: ([, title]) => title, align: "left" },
      { title: "value", value: ([, , found, format = formatNumber]) => format(found!.value) },
      {
        title: "95 % interval",
        value: ([, , found, format = formatNumber]) =>
          found!.low === null ? null : `${format(found!.low)} … ${format(found!.high!)}`,
      },
    ]),
    notes: [
      `equal within ${within} nats per token: ${equal}`,
      "rise: of the loss of B over that of A, paired over samples; KLD: KL(A ‖ B) of each token's prediction in nats; same top p: tokens whose first choice is the same",
      moves
        ? "|e| / |u|: means over tokens, where a module's update u in A is u + e in B, across the stream that u is added to and along it"
        : "updates are not compared: the models differ in layers or width",
    ],
  }, ...moves ? [{ title: "|e| / |u| by layer", ...layerTable(moves.attention.along, columns) }] : []];
}

/** A row for each number, and for each kind of module, side of the stream and layer. */
export function certificateRows(result: Certificate): CsvRow[] {
  const { provenance, of, within, equal, moves } = result;
  const origin = { ...originOf(provenance), of: of.name, dropped: planText(provenance.drop), within, equal };
  const row = (measure: string, found: Estimate | null, module?: string, layer?: number) => (
    {
      ...origin,
      ...record({ measure, module, layer, value: found?.value, low: found?.low, high: found?.high }),
    }
  );
  const byModule = (module: typeof MODULES[number]) =>
    SIDES.flatMap((side) => moves?.[module][side].map((found, l) => row(side, found, module, l)) ?? []);
  return [...linesOf(result).map(([measure, , found]) => row(measure, found)), ...MODULES.flatMap(byModule)];
}
