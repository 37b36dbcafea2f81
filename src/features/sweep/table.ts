/** How well a model predicts a text with modules dropped: perplexities under several plans, and sweeps. */
import { type CurveGroup, groupsOf, meanOf, type SweepPoint } from "./derived.ts";
import type { Sweep } from "./result.ts";
import { curveName, repairName, repairsText } from "./words.ts";
import { formatNumber, KIND_NAMES, settingOf, sharedLines } from "core/show/words/mod.ts";
import { type DropPlan, everyChange, type LayerModule } from "core/measure/mod.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { type Column, fixed, originOf, recordsOf, type Table, tableOf } from "core/show/tables/table.ts";
import { QUALITY } from "../losses/mod.ts";

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
