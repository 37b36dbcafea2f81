/** Two profiles side by side; what a smaller model or a plan costs. */
import {
  computedText,
  type CostLine,
  costLines,
  costTitle,
  formatNumber,
  formatShare,
  KIND_NAMES,
  modelOf,
  tokensOf,
} from "core/show/words/mod.ts";
import {
  type Estimate,
  isFull,
  KINDS,
  type ModuleKind,
  MODULES,
  planPhrase,
  planText,
} from "core/measure/mod.ts";
import { type Certificate, type Comparison, QUANTILES } from "./result.ts";
import { certificateCost } from "./derived.ts";
import type { Computed } from "core/result/mod.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import {
  byLayer,
  type Column,
  fixed,
  layerTable,
  moduleColumn,
  optional,
  originOf,
  record,
  recordsOf,
  type Table,
  tableOf,
} from "core/show/tables/table.ts";
import type { TableLook } from "core/show/looks.ts";

type Pair = Comparison[ModuleKind] & { readonly module: ModuleKind };
const pairsIn = (of: Pick<Comparison, ModuleKind>): Pair[] =>
  KINDS.map((module) => ({ module, ...of[module] }));
const KIND = moduleColumn(({ module }: Pair) => module);
const [CORRELATION, DIFFERENCE]: readonly Column<Pair>[] = [
  { key: "rank_correlation", title: "rank corr.", value: (of) => of.rankCorrelation, format: fixed(3) },
  {
    key: "largest_difference",
    title: "largest diff.",
    value: (of) => of.largestDifference,
    format: formatNumber,
  },
];

/** Two profiles side by side: rank correlation, and how many of the n most redundant both share. */
export function comparisonTable(comparison: Omit<Comparison, "kind" | "method">): Table {
  const { models, computed } = comparison;
  const pairs = pairsIn(comparison);
  const layers = Math.max(...pairs.map(({ overlap }) => overlap.length));
  return {
    title: models.join("  vs  "),
    note: computed && `computed in ${computed.map(withRuntime).join("  vs  ")}`,
    ...tableOf(pairs, [
      ...[KIND, CORRELATION, DIFFERENCE],
      ...[1, 4, 8, 16].filter((n) => n < layers).map((n): Column<Pair> => ({
        title: `lowest ${n}`,
        value: ({ overlap }) => optional(overlap[n - 1], (share) => `${Math.round(share * n)} of ${n}`),
      })),
    ]),
  };
}

/** With the library, which may be all that differs. */
const withRuntime = (computed: Computed): string => `${computedText(computed)} (${computed.runtime})`;

/** A row a kind of module and number of lowest ones. */
export function comparisonRows({ models: [a, b], ...result }: Comparison): CsvRow[] {
  return pairsIn(result).flatMap((pair) =>
    pair.overlap.flatMap((overlap, i) =>
      recordsOf([pair], [KIND, () => ({ lowest: i + 1, overlap }), CORRELATION, DIFFERENCE], { a, b })
    )
  );
}

/** The sides of the stream. */
export const SIDES = ["across", "along"] as const;

/** Both models by name, the second perhaps as the first under a plan. */
export function namesOf({ provenance: { model, drop }, of, names }: Certificate): [a: string, b: string] {
  const [a, b] = names ?? [of.name, model.name];
  const named = (name: string, { format }: typeof of) => modelOf({ ...of, name, format });
  const isPlan = model.fingerprint === of.fingerprint && !isFull(drop);
  return [named(a, of), isPlan ? `A ${planPhrase(drop)}` : named(b, model)];
}

/** What is known beside the five numbers. */
function otherLines({ quantiles, moves }: Certificate): CostLine[] {
  const titles = ["median", "75 %", "90 %", "95 %", "99 %", "99.9 %", "maximum"];
  const divergences = quantiles.map((kl, i): CostLine => (
    { name: `KLD, ${titles[i]}`, value: formatNumber(kl), range: null }
  ));
  const moved = SIDES.flatMap((side): CostLine[] => {
    const found = moves?.[side];
    if (!found) return [];
    const { value, low, high } = found;
    const range = low === null ? null : `${formatShare(low)} to ${formatShare(high!)}`;
    return [{ name: `|e| / |u| ${side}`, value: formatShare(value), range }];
  });
  return [...divergences.filter((_, i) => QUANTILES[i] !== 0.99), ...moved];
}

/** The cost first, and updates by layer where all are asked for. */
export function certificateTables(result: Certificate, { lowest, more }: TableLook = {}): Table[] {
  const { provenance, within, equal, moves } = result;
  const [a, b] = namesOf(result);
  const columns = MODULES.flatMap((kind) =>
    SIDES.map((side) => {
      const shares = moves?.[kind][side].map((found) => found?.value ?? null) ?? [];
      return byLayer(shares, { title: `${KIND_NAMES[kind]} ${side}`, format: formatShare });
    })
  );
  const isShort = moves !== null && lowest !== undefined;
  return [
    {
      title: costTitle(certificateCost(result)),
      note: `A: ${a} · B: ${b} · ${tokensOf(provenance)} · ${computedText(provenance)}`,
      ...tableOf([...costLines(certificateCost(result)), ...otherLines(result)], [
        { title: "B beside A", value: ({ name }) => name, align: "left" },
        { title: "value", value: ({ value }) => value },
        { title: "95 % interval", value: ({ range }) => range },
      ]),
      notes: [
        `equal within ${within} nats per token: ${equal}`,
        "KLD: KL(A ‖ B) of each token's prediction, in nats; same first choice: share of tokens whose most probable word is the same; loss: of B minus that of A, paired over samples",
        moves
          ? "|e| / |u|: means over tokens, where a module's update u in A is u + e in B, across the stream that u is added to and along it"
          : "updates are not compared: the models differ in layers or width",
        ...isShort ? [`updates by layer are not printed${more ? `; ${more}` : ""}`] : [],
      ],
    },
    ...moves && !isShort
      ? [{ title: "|e| / |u| by layer", ...layerTable(moves.attention.along, columns) }]
      : [],
  ];
}

/** The numbers of a certificate by their names in CSV, the five first. */
function measuresOf({ bytes, perplexity, rise, kl, quantiles, top1, moves }: Certificate) {
  const exact = (value: number | null) => value === null ? null : { value, low: null, high: null };
  const byShare = QUANTILES.map((share, i) => [`kl_${100 * share}`, exact(quantiles[i])] as const);
  return [
    ["bytes_a", exact(bytes[0])],
    ["bytes_b", exact(bytes[1])],
    ["kl", kl],
    ...byShare.filter(([name]) => name === "kl_99"),
    ["top1", top1],
    ["perplexity_a", exact(perplexity[0])],
    ["perplexity_b", exact(perplexity[1])],
    ["rise", rise],
    ...byShare.filter(([name]) => name !== "kl_99"),
    ...SIDES.map((side) => [side, moves && moves[side]] as const),
  ] as const satisfies (readonly [string, Estimate | null])[];
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
  return [...measuresOf(result).map(([measure, found]) => row(measure, found)), ...MODULES.flatMap(byModule)];
}
