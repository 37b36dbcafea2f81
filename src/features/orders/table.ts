/** Orders and plans: modules in the order in which they are dropped, of windows the best of each number of blocks; and guides to the loss of a removal. */
import {
  formatFixed,
  formatNumber,
  formatShare,
  formatWhole,
  guideTitle,
  intervalWords,
  KIND_NAMES,
  lastText,
  modelOf,
  orderName,
  reading,
  settingOf,
  tokensOf,
} from "core/show/words/mod.ts";
import { filesText } from "core/entry/mod.ts";
import { KINDS, planText } from "core/measure/mod.ts";
import type { DropOrder, Guides, OrderCheck } from "./result.ts";
import { type Last, type Plan, RISE, riseOverSamples, SCORES } from "core/result/mod.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import {
  type Column,
  fixed,
  layerRecords,
  layersOf,
  lines,
  moduleColumn,
  originOf,
  record,
  recordsOf,
  type Table,
  tableOf,
} from "core/show/tables/table.ts";
import { counted } from "core/show/words/numbers.ts";

type Entry = Plan["order"][number] & { readonly size?: number };

/** Columns of a list of drops; rows are places in it. */
function columnsOf(order: readonly Entry[], score: string): Column<number>[] {
  return [
    { key: "order", title: "order", value: (i) => i + 1 },
    moduleColumn((i) => order[i].module),
    { key: "layer", title: "layer", value: (i) => order[i].layer },
    ...order.some(({ size }) => size !== undefined)
      ? [{ key: "blocks", value: (i: number) => order[i].size }]
      : [],
    { key: "score", title: score, value: (i) => order[i].score, format: formatNumber },
  ];
}

/** How modules were chosen: "attention by random, seed 3". */
function howOf({ target, by, seed }: Pick<Plan, "target" | "by" | "seed">): string {
  return `${KIND_NAMES[target]} by ${orderName({ by, seed })}`;
}

export function orderTable(result: DropOrder): Table {
  const { target, by, order, provenance } = result;
  const score = SCORES[by].column ?? by;
  const title = `${howOf(result)} · ${settingOf(provenance)}`;
  if (target !== "consecutive") {
    return { title, ...tableOf(layersOf(order), columnsOf(order, score)), notes: checkLines(result.check) };
  }
  const best = order.filter(({ size }, i) => i === 0 || order[i - 1].size !== size);
  return {
    title,
    ...tableOf(best, [
      { title: "blocks", value: ({ size }) => size },
      { title: "best window", value: ({ layer, size }) => `${layer}–${layer + size - 1}` },
      { title: score, value: ({ score }) => score, format: formatNumber },
    ]),
  };
}

/** A row a module, or a window. */
export function orderRows({ provenance, target, by, seed, order }: DropOrder): CsvRow[] {
  return recordsOf(layersOf(order), columnsOf(order, by), { ...originOf(provenance), target, by, seed });
}

/** The drops of a plan in order, what they save, and the plan in words. */
export function planTables(plan: Plan): Table[] {
  const { order, saves, provenance, repaired, last } = plan;
  const name = provenance ? modelOf(provenance.model) : plan.model;
  const title = `${name} · drop ${order.length} of ${howOf(plan)}`;
  if (order.length === 0) return [lines(title)];
  return [
    { title, ...tableOf(layersOf(order), columnsOf(order, plan.by)) },
    lines(
      undefined,
      ...last ? [`put last: ${lastText(last)}`] : [],
      ...saves ? [savesText(saves)] : [],
      `plan: ${planText(plan)}`,
    ),
    ...repaired ? repairTables(repaired) : [],
  ];
}

type Repaired = NonNullable<Plan["repaired"]>;
type RepairSite = NonNullable<Repaired["sites"]>[number];

const FITS: readonly Column<RepairSite>[] = [
  { title: "ridge ε", value: ({ strength }) => strength, format: formatNumber },
  { title: "left", value: ({ left }) => left, format: formatShare },
];

/** Each place of a repair with its fit, then the losses on the samples that were held out. */
function repairTables({ by, sequential, provenance, sites = [], fresh, rounded, file }: Repaired): Table[] {
  const { samples } = provenance.packing;
  const fits: Table = {
    title: `repaired by ${by}${sequential ? " in sequence" : ""} · ${tokensOf(provenance)}`,
    ...tableOf(sites, [
      moduleColumn(({ module }) => module),
      { title: "layer", value: ({ layer }) => layer },
      ...FITS.filter(({ value }) => sites.some((site) => value(site) !== null)),
    ]),
    notes: [
      ...sites.some(({ left }) => left !== null)
        ? ["left: share of the missing update's mean square that the fit leaves on held-out tokens"]
        : [],
      ...samples === 1 ? ["nothing is held out of a single sample, so no loss measures the repair"] : [],
    ],
  };
  const stored = [
    ...rounded ? [roundedText(rounded, fresh)] : [],
    ...file ? [`files: ${fileText(file)}`] : [],
  ];
  return [
    ...sites.length > 0 ? [fits] : [],
    ...fresh ? [lossesTable(fresh)] : [],
    ...stored.length > 0 ? [lines(undefined, ...stored)] : [],
  ];
}

/** What rounding to the types of files adds to the loss. */
function roundedText({ types, rise, riseError }: NonNullable<Repaired["rounded"]>, fresh?: Fresh): string {
  const stored = types.join(" and ");
  if (rise === undefined || !fresh) return `the repair is rounded to ${stored}`;
  const { low, high } = riseOverSamples(fresh.samples, { rise, riseError: riseError ?? null });
  const nats = (value: number) => formatFixed(value, 4);
  const interval = low === null ? "" : ` (95 %, paired: ${nats(low)} to ${nats(high!)})`;
  return `rounding the repair to ${stored} adds ${nats(rise)} nats per token${interval}`;
}

/** The line of `export`. */
function fileText({ format, original, whole, bytes }: NonNullable<Repaired["file"]>): string {
  return bytes === null
    ? `a file of format ${format} cannot hold the plan`
    : filesText({ original, whole, smaller: bytes }, format);
}

type Fresh = NonNullable<Repaired["fresh"]>;

function lossesTable(fresh: Fresh): Table {
  const { samples, full, dropped, repaired } = fresh;
  const rows = [["full", full], ["dropped", dropped], ["repaired", repaired]] as const;
  return {
    title: `loss on the ${samples === 1 ? "sample" : `${samples} samples`} held out of the fits`,
    ...tableOf(rows, [
      { title: "model", value: ([name]) => name, align: "left" },
      { title: "nats/token", value: ([, nats]) => nats, format: fixed(4) },
      { title: RISE, value: ([, nats]) => nats === full ? null : nats - full, format: fixed(4) },
    ]),
    notes: [savedText(fresh)],
  };
}

function savedText({ samples, saved, savedError }: Fresh): string {
  const found = `the repair saves ${saved.toFixed(4)} nats per token over the drop`;
  if (samples === 1) return `${found}; one sample has no interval`;
  const ends = riseOverSamples(samples, { rise: saved, riseError: savedError });
  const open = intervalWords(ends, {
    below: "",
    above: "",
    neither: ": too few samples to tell which is better",
  });
  return `${found} (95 %, paired: ${ends.low!.toFixed(4)} to ${ends.high!.toFixed(4)})${open}`;
}

/** Keys and values are counted by the token unless the model's own windows keep fewer of a long text. */
function savesText({ parameters, parametersShare, ...saves }: NonNullable<Plan["saves"]>): string {
  const { kvBytesPerToken, kvShare, kv } = saves;
  const [bytes, of, share] = kv.bytes === kvBytesPerToken * kv.context
    ? [kvBytesPerToken, "per token", kvShare]
    : [kv.bytes, `of ${formatWhole(kv.context)} tokens`, kv.share];
  return reading`saves ${formatWhole(parameters)} parameters (${{ share: parametersShare }}),
    ${formatWhole(bytes)} bytes of keys and values ${of} (${{ share }})`;
}

/** A row a drop, in order. Of a repaired plan, a row a place of the repair, with the losses on the samples held out. */
export function planRows({ model, target, by, order, repaired }: Plan): CsvRow[] {
  if (!repaired?.sites) return recordsOf(layersOf(order), columnsOf(order, by), { model, target, by });
  const { sequential, sites, fresh } = repaired;
  return sites.map(({ module, layer, strength, left }) =>
    record({
      ...{ model, target, by, repair: repaired.by, sequential: sequential ? "yes" : "no" },
      ...{ full_nll: fresh?.full, dropped_nll: fresh?.dropped, repaired_nll: fresh?.repaired },
      ...{
        saved: fresh?.saved,
        saved_error: fresh?.savedError,
        module: KIND_NAMES[module],
        layer,
        strength,
        left,
      },
    })
  );
}

/** A row for each score of each kind. */
export function guidesTable({ guides, provenance }: Guides): Table {
  const format = fixed(2);
  return {
    title: `guides to the loss of a removal · ${settingOf(provenance)}`,
    ...tableOf(guides, [
      moduleColumn(({ module }) => module),
      { title: "score", value: ({ by }) => guideTitle(by), align: "left" },
      { title: "rank corr.", value: ({ rank }) => rank, format },
      { title: "low", value: ({ low }) => low, format },
      { title: "high", value: ({ high }) => high, format },
      { title: "modules", value: ({ modules }) => modules },
    ]),
    notes: [
      "",
      "rank correlation of each score with the loss after removing the module alone; 95 % interval over modules",
    ],
  };
}

/** A row a module, with each of its scores beside the rise of the loss without it; a score that its kind lacks is missing. */
export function guidesRows({ provenance, rise, guides }: Guides): CsvRow[] {
  const missing = Object.fromEntries(guides.map(({ by }) => [by, []]));
  return layerRecords(KINDS, originOf(provenance), (kind) => {
    const own = guides.filter(({ module }) => module === kind).map(({ by, values }) => [by, values]);
    return { rise: rise[kind], ...missing, ...Object.fromEntries(own) };
  });
}

/** What the check of an order found, in a line; nothing where none was made. Modules `explained` before are only named. */
function checkLines(check: OrderCheck | undefined, explained: readonly Last[] = []): string[] {
  if (!check) return [];
  const { samples, length, removed, median, last } = check;
  const end = last.length > 0 && `; these go last: ${lastText(last, explained)}`;
  return [
    reading`checked by removing ${counted(removed, "module")} one by one on ${String(samples)} ×
      ${String(length)} tokens; the median one costs ${{ measured: median }} nats per token alone${end}`,
  ];
}
