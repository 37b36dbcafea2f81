/** How far a model uses its depth: a row for each layer, the effective depths below. */
import { DEPTH_MEASURES, type DepthMeasure, EFFECTIVE, type Effective } from "./measures.ts";
import type { Depth } from "./result.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { formatFixed, formatShare, reading, settingOf } from "core/show/words/mod.ts";
import { byLayer, fixed, layerTable, originOf, record, type Table } from "core/show/tables/table.ts";

const degrees = (value: number) => `${formatFixed(value, 1)}°`;
const HEADS: Readonly<Record<DepthMeasure, readonly [title: string, format: typeof degrees]>> = {
  step: ["θ", degrees],
  turn: ["φ", degrees],
  left: ["ψ", degrees],
  progress: ["π", fixed(2)],
  sign: ["sign", fixed(3)],
  kl: ["KL", fixed(2)],
  again: ["again", fixed(2)],
  overlap: ["top 5", formatShare],
  frequent: ["freq.", formatShare],
  revised: ["rev.", formatShare],
};

/** What each effective depth says, in words. */
export const EFFECTIVE_WORDS: Readonly<Record<Effective, string>> = {
  sign: "updates turn from erasing to amplifying the stream",
  kl: "the KL to the final prediction falls below half of its maximum",
  again: "the same KL does so where the stream passes the last layer before the norm and head",
  overlap: "more than a fifth of the five likeliest tokens are the final ones",
};

/** "0.90 (0.87 to 0.93)", "0.83 (this layer alone)", or that no layer is found, or no interval. */
export function depthText({ effective }: Depth, name: Effective): string {
  const found = effective[name];
  if (!found) return "no layer";
  const { value, low, high } = found;
  if (low === null) return `${formatFixed(value, 2)} (cannot tell: no interval over these samples)`;
  return low === high ? `${formatFixed(value, 2)} (this layer alone)` : reading`${{ ...found, decimals: 2 }}`;
}

export function depthTables(result: Depth): Table {
  const { provenance, measures, stride, rows } = result;
  const columns = DEPTH_MEASURES.map((name) => {
    const [title, format] = HEADS[name];
    return byLayer(result.measures[name].map((found) => found?.value ?? null), { title, format });
  });
  return {
    title: `depth · ${settingOf(provenance)}`,
    note: `one token in ${stride}; of each sample, lenses read ${rows} of them at most`,
    ...layerTable(measures.step, columns),
    notes: [
      "θ: angle of the streams before and after the layer; φ: of its update and the next; ψ: of the stream and the last; π: progress to " +
      "the last stream; sign: cosine of update and stream",
      "behind the layer, by the final norm and head: KL from the final prediction; again: this KL where the stream passes the last layer " +
      "first, at tokens of the first eighth of a sample; top 5: share of the five likeliest tokens that are the final ones; freq.: first " +
      "choices among the text's ten most frequent tokens; rev.: first choices that change later",
      ...EFFECTIVE.map((name) => `depth at which ${EFFECTIVE_WORDS[name]}: ${depthText(result, name)}`),
    ],
  };
}

/** A row for each measure and layer; the relative depth is that behind the layer. */
export function depthRows({ provenance, measures, effective }: Depth): CsvRow[] {
  return DEPTH_MEASURES.flatMap((name) =>
    measures[name].map((found, layer, { length }) =>
      record({
        ...{ ...originOf(provenance), measure: name, layer, relative_depth: (layer + 1) / length },
        ...{ value: found?.value, low: found?.low, high: found?.high },
        effective_depth: effective[name as Effective]?.value,
      })
    )
  );
}
