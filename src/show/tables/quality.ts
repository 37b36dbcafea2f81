/** How well a model predicts a text with modules dropped: perplexities under several plans, and sweeps. */
import {
  type CurveGroup,
  groupsOf,
  meanOf,
  type Perplexity,
  type Sweep,
  type SweepPoint,
} from "../../result/mod.ts";
import {
  changedText,
  curveName,
  formatNumber,
  formatShare,
  KIND_NAMES,
  repairName,
  repairsText,
  settingOf,
  sharedLines,
} from "../words/mod.ts";
import { type DropPlan, everyChange, type LayerModule, planText } from "../../measure/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import { type Column, fixed, originOf, recordsOf, type Table, tableOf } from "./table.ts";

/** What a perplexity and a point of a sweep have in common. */
const QUALITY: readonly Column<Pick<SweepPoint, "perplexity" | "nll" | "standardError" | "kl" | "top1">>[] = [
  { key: "perplexity", title: "perplexity", value: ({ perplexity }) => perplexity, format: formatNumber },
  { key: "nll", title: "nats/token", value: ({ nll }) => nll, format: fixed(4) },
  { key: "standard_error", title: "± s.e.", value: ({ standardError }) => standardError, format: fixed(4) },
  { key: "kl", title: "KL (nats)", value: ({ kl }) => kl, format: fixed(4) },
  { key: "top1", title: "same top-1", value: ({ top1 }) => top1, format: formatShare },
];

export function perplexityTables(results: readonly Perplexity[]): Table[] {
  if (results.length === 0) return [];
  const [{ provenance }] = results;
  const dropped: Column<Perplexity> = {
    title: "dropped",
    value: ({ provenance }) => alteredText(provenance),
    align: "left",
  };
  return [{
    title: settingOf({ ...provenance, drop: { attention: [], mlp: [] }, changed: undefined }),
    ...tableOf(results, [...QUALITY, dropped]),
    notes: sharedLines(results),
  }];
}

export function perplexityRows(result: Perplexity): CsvRow[] {
  const { provenance } = result;
  return recordsOf([result], QUALITY, { ...originOf(provenance), dropped: alteredText(provenance) });
}

function alteredText(provenance: Perplexity["provenance"]): string {
  return [planText(provenance.drop), changedText(provenance)].filter((text) => text !== "").join("; ");
}

/** Perplexity by the number dropped, a column for each order; random orders as the geometric mean over their seeds. */
export function sweepTable(sweep: Sweep): Table {
  const groups = groupsOf(sweep);
  const targets = [...new Set(groups.map(({ target }) => KIND_NAMES[target]))];
  const counts = [...new Set(groups.flatMap(({ points }) => points.map(({ dropped }) => dropped)))];
  return {
    title: `perplexity · ${settingOf(sweep.provenance, repairsText(sweep))}`,
    note: targets.length === 1
      ? `by number of ${targets[0]} modules dropped; columns are orders`
      : "by number of modules dropped, least important first",
    ...tableOf(counts.sort((a, b) => a - b), [
      { title: "dropped", value: (count) => count },
      ...groups.map((group): Column<number> => ({
        title: targets.length === 1 ? orderOf(group) : curveName(group),
        value: (count) => meanAt(group, count, ({ nll }) => nll),
        format: (nll) => formatNumber(Math.exp(Number(nll))),
      })),
    ]),
    notes: sharedLines([sweep]),
  };
}

const orderOf = ({ by, repair }: CurveGroup): string => repair ? `${by}, ${repairName(repair)}` : by;

function meanAt(group: CurveGroup | undefined, count: number, read: (point: SweepPoint) => number) {
  const at = group?.points.find(({ dropped }) => dropped === count);
  return at && meanOf(at.values, read);
}

/** A row a point of a curve. Where repairs were asked for, each row says its own. */
export function sweepRows({ provenance, repaired, curves }: Sweep): CsvRow[] {
  return curves.flatMap(({ target, by, seed, repair, points }) =>
    recordsOf<SweepPoint>(points, [
      { key: "dropped", value: ({ dropped }) => dropped },
      { key: "attention", value: ({ drop }) => lostIn(drop, "attention") },
      { key: "mlp", value: ({ drop }) => lostIn(drop, "mlp") },
      ...QUALITY,
      { key: "rise", value: ({ rise }) => rise },
      { key: "rise_error", value: ({ riseError }) => riseError },
    ], {
      ...{ ...originOf(provenance), target, by, seed },
      ...repaired
        ? { repair: repair?.by ?? null, sequential: repair ? (repair.sequential ? "yes" : "no") : null }
        : {},
    })
  );
}

function lostIn(plan: DropPlan, module: LayerModule): string {
  const replaced = everyChange(plan).filter((change) => change.to === "mean" || change.to === "linear");
  const layers = replaced.flatMap((change) => change.module === module ? [change.layer] : []);
  return [...plan[module], ...layers].join(" ");
}

/** The rise of the loss of several models with the same number of modules dropped, for a page. */
export function lossTable(sweeps: readonly Sweep[], count: number): Table {
  const models = sweeps.map((sweep) => ({ name: sweep.provenance.model.name, groups: groupsOf(sweep) }));
  return {
    title: `Rise of the loss with ${count} modules dropped, nats per token`,
    ...tableOf(models, [
      { title: "model", value: ({ name }) => name, align: "left" },
      ...models[0].groups.map((group, i): Column<typeof models[number]> => ({
        title: curveName(group),
        value: ({ groups }) => meanAt(groups[i], count, ({ rise }) => rise),
        format: fixed(3),
      })),
    ]),
  };
}
