/** Benchmark tasks: each task under each plan, compared with the full model. */
import {
  accuracyChange,
  accuracyCurves,
  allOf,
  fullOf,
  isInRounds,
  meanAccuracy,
  meanOver,
} from "./accuracy.ts";
import type { EvaluatePrice } from "./price.ts";
import type { Evaluation } from "./result.ts";
import { curveName } from "../sweep/mod.ts";
import {
  computedText,
  counted,
  formatFixed,
  formatNumber,
  formatPoints,
  formatPointsRange,
  formatSeconds,
  formatShare,
  formatWhole,
  modelOf,
  reading,
  sharedLines,
} from "core/show/words/mod.ts";
import { plain, sum } from "core/entry/mod.ts";
import { documentsNeeded, isFull, planPhrase, planText } from "core/measure/mod.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { keptTable, plansTable } from "./plans_table.ts";
import {
  type Column,
  lines,
  optional,
  originOf,
  recordsOf,
  type Table,
  tableOf,
} from "core/show/tables/table.ts";
import { tablesText, type TextLook } from "core/show/tables/text.ts";
import { type Cost, memory, operations } from "core/show/tables/prices.ts";

/** A task, group or the average: a row of the table. */
interface Line {
  readonly task: string;
  readonly shots: number | null;
  readonly n: number | null;
  readonly metric: string;
  readonly value: number;
  readonly stderr?: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly against: Against | null;
  readonly kept?: Metric["kept"];
}
type Metric = Evaluation["tasks"][string]["metrics"][string];
/** A log-probability changes without a margin. */
type Against =
  & NonNullable<Logprob["against"]>
  & Partial<Pick<NonNullable<Metric["against"]>, "equivalence" | "margin" | "verdict">>;
type Logprob = NonNullable<Evaluation["tasks"][string]["logprob"]>;

/** Every metric of every task, then groups, then the average; with `whole`, groups stand for their tasks. */
function linesOf({ tasks, groups, average }: Evaluation, whole: boolean): Line[] {
  const inGroups = new Set(whole ? Object.values(groups).flatMap((group) => group.tasks) : []);
  const single = Object.entries(tasks).filter(([task]) => !inGroups.has(task));
  return [
    ...single.flatMap(([task, { shots, n, metrics, logprob }]) => [
      ...Object.entries(metrics).map(([metric, found]): Line => ({ task, shots, n, metric, ...found })),
      ...natsLines({ task, shots, n }, logprob),
    ]),
    ...Object.entries(groups).flatMap(([task, { acc: value, logprob, ...group }]) => {
      const { shots } = tasks[group.tasks[0]];
      return [
        { ...group, task, shots, metric: "acc", value },
        ...natsLines({ ...group, task, shots }, logprob),
      ];
    }),
    ...average ? [{ ...average, task: "average", shots: null, n: null, metric: "mean" }] : [],
  ];
}

const LOGPROB = "logprob";

function natsLines({ task, shots, n }: Pick<Line, "task" | "shots" | "n">, found: Logprob | null): Line[] {
  return found ? [{ task, shots, n, metric: LOGPROB, ...found }] : [];
}

const isNats = ({ metric }: Line) => metric === LOGPROB;
const isShare = (line: Line) => line.metric !== "perplexity" && !isNats(line);

export function evaluationTables(results: readonly Evaluation[]): Table[] {
  if (results.length === 0) return [];
  const [{ provenance: { model, dtype, engine }, bos }] = results;
  return [
    lines(`${modelOf(model)} · lm-eval's tasks, BOS: ${bos} · ${dtype}, ${engine}`),
    ...results.map(planTable),
    ...plansTable(results),
    ...keptTable(results),
  ];
}

const plainText = (line: Line, value: number) => isNats(line) ? formatFixed(value, 2) : formatNumber(value);

function rangeText(line: Line, { low, high }: Pick<Line, "low" | "high">): string | null {
  if (low === null || high === null) return null;
  return isShare(line) ? formatPointsRange(low, high) : `${plainText(line, low)} … ${plainText(line, high)}`;
}

/** A number of a line in print: as `ofShare` says it where the metric is a share. */
const written = (ofShare: (share: number) => string) => (value: string | number, line: Line) =>
  isShare(line) ? ofShare(+value) : plainText(line, +value);
const LINE = {
  task: { key: "task", title: "task", value: ({ task }) => task, align: "left" },
  shots: { key: "shots", title: "shots", value: ({ shots }) => shots },
  n: { key: "n", title: "n", value: ({ n }) => n },
  metric: { key: "metric", title: "metric", value: ({ metric }) => metric, align: "left" },
  value: { key: "value", title: "value", value: ({ value }) => value, format: written(formatShare) },
  range: { title: "95 % interval", value: (line) => rangeText(line, line) },
  change: {
    ...{ key: "change", title: "change", format: written(formatPoints) },
    value: ({ against }) => against?.difference,
  },
  changeRange: { title: "95 % interval", value: (line) => line.against && rangeText(line, line.against) },
  verdict: { key: "verdict", value: ({ against }) => against?.verdict },
} satisfies Record<string, Column<Line>>;

function planTable(result: Evaluation): Table {
  const { drop } = result.provenance;
  const shown = linesOf(result, true);
  const full = isFull(drop);
  const isPaired = shown.some((line) => line.against && isShare(line));
  const margin = shown.find(({ against }) => against?.margin !== undefined)?.against?.margin;
  const { task, shots, n, metric, value, range, change, changeRange } = LINE;
  const verdict = { ...LINE.verdict, title: verdictTitle(result, margin) };
  const columns = full
    ? [task, shots, n, metric, value, range]
    : [task, metric, value, ...isPaired ? [] : [range], change, changeRange, verdict]; // 80 columns; CSV has both ranges
  return {
    note: planPhrase(drop),
    ...tableOf(shown, columns),
    notes: [
      ...shown.some(({ metric }) => metric === LOGPROB) ? [LOGPROB_NOTE] : [],
      ...roundsNote(result),
      ...isInRounds(result) ? [] : marginNote(shown),
      ...notesOf(result, full),
      ...sharedLines([result]),
    ],
  };
}

function verdictTitle(result: Evaluation, margin: number | undefined): string {
  if (margin === undefined) return "equal";
  return isInRounds(result) ? `at most ${formatPoints(margin)} lost` : `within ${formatPoints(margin)}`;
}

const LOGPROB_NOTE = `${LOGPROB}: log-probability of the right answer, in nats, mean over documents`;

/** "120 of 1,838 documents of piqa", by task; nothing where all were asked. */
function roundsNote(result: Evaluation): string[] {
  const { tasks, average } = result;
  const counts = Object.entries(tasks).flatMap(([task, { n, drawn }]) =>
    drawn ? [`${formatWhole(n)} of ${formatWhole(drawn.of)} documents of ${task}`] : []
  );
  if (counts.length === 0) return [];
  const decidedBy = average
    ? "the mean"
    : meanOver(result).map(({ name, metric }) => `${name} ${metric}`).join();
  return [
    `asked until the verdict on ${decidedBy}: ${counts.join(", ")}, in random order`,
    `verdict: ${roundsText(AT_EVERY_STOP)}; the others hold for a fixed number of documents`,
  ];
}

const AT_EVERY_STOP = "the intervals of changes of accuracy and of answers kept";

/** How a verdict on documents in rounds is reached, and why it may stand beside an interval across the limit. */
const roundsText = (intervals: string): string =>
  reading`by a test on one side, which is wrong with 5 % at most at every stop; ${intervals} hold there too, with
    2.5 % on each side, so that one may cross the limit beside a verdict`;

/** What it would take to tell, where some line cannot. */
function marginNote(lines: readonly Line[]): string[] {
  const unsure = lines.find(({ against }) => against?.verdict === "cannot tell");
  if (!unsure) return [];
  const margin = unsure.against!.margin!;
  return [
    `cannot tell: the interval extends beyond ${formatPoints(margin)} points; even if no answer changes, ` +
    `a task needs ${formatNumber(documentsNeeded(margin))} documents to show a change within them`,
  ];
}

/** What likelihoods hide: how far the words are from the full model's, how sure, and how it writes. */
function notesOf({ tasks, writing }: Evaluation, isFull: boolean): string[] {
  const all = Object.values(tasks);
  /** Means over all documents of the tasks that have the number; null where none has. */
  const [kl, top1, ece, sets] = (["kl", "top1", "ece", "sets"] as const).map((key) => {
    const known = all.filter((task) => task[key] !== null && task[key] !== undefined);
    const n = sum(known, (task) => task.n);
    return n === 0 ? null : sum(known, (task) => task.n * task[key]!) / n;
  });
  return [
    !isFull && kl !== null &&
    `KL ${formatFixed(kl, 4)} nats per scored token, same top-1 token ${optional(top1, formatShare)}`,
    ece !== null &&
    `calibration error ${formatFixed(ece, 3)}${
      sets === null ? "" : `; ${formatFixed(sets, 2)} choices have the right one in 90 % (prediction sets)`
    }`,
    writing && !isFull && differenceText(writing),
    writing &&
    `${formatShare(sum(writing.repetition) / writing.prompts)} of the 4-grams it writes are repeats`,
  ].filter((note) => typeof note === "string");
}

function differenceText({ prompts, tokens, divergence }: NonNullable<Evaluation["writing"]>): string {
  const parted = divergence.filter((step) => step !== null).sort((a, b) => a - b);
  if (parted.length === 0) return `writes the same as the full model in ${prompts} texts of ${tokens} tokens`;
  const middle = parted[Math.floor(parted.length / 2)];
  return reading`differs from the full model in ${parted.length} of ${prompts} texts it writes, from token
    ${String(middle)} on (median)`;
}

/** A row a metric of a task, the groups and the average after them. */
export function evaluationRows(result: Evaluation): CsvRow[] {
  const { provenance, tasks, groups } = result;
  const { task, shots, n, metric, value, change, verdict } = LINE;
  const origin = { ...originOf(provenance), dropped: planText(provenance.drop) };
  return recordsOf<Line>(linesOf(result, false), [
    ...[task, shots, n],
    ({ task, n }) => (
      { of: n === null ? null : sum(groups[task]?.tasks ?? [task], (name) => allOf(tasks[name])) }
    ),
    ...[metric, value],
    ({ stderr, low, high }) => ({ stderr, value_low: low, value_high: high }),
    change,
    ({ against }) => (
      { low: against?.low, high: against?.high, equivalence: against?.equivalence, margin: against?.margin }
    ),
    verdict,
    ({ kept }) => ({ kept: kept?.value, kept_low: kept?.low, kept_high: kept?.high }),
    ({ task }) => {
      const { kl, top1, ece, sets } = tasks[task] ?? {};
      return { kl, top1, ece, sets };
    },
  ], origin);
}

/** Mean accuracy under each plan, and its change, for a page. */
export function accuracyTable(results: readonly Evaluation[]): Table {
  const full = fullOf(results);
  const rows = accuracyCurves(results).flatMap(({ target, by, points }) =>
    points.slice(1).map(({ dropped, result }) => ({
      dropped: `${dropped} ${curveName({ target, by })}`,
      accuracy: meanAccuracy(result).value,
      ...accuracyChange(result, full),
    }))
  );
  return {
    title: "Mean accuracy, and its change over the same documents in points",
    notes: roundsNote(results.find(({ tasks }) => Object.values(tasks).some(({ drawn }) => drawn)) ?? full),
    ...tableOf(rows, [
      { title: "dropped", value: ({ dropped }) => dropped, align: "left" },
      { title: "accuracy", value: ({ accuracy }) => accuracy, format: formatShare },
      { title: "change", value: ({ difference }) => difference, format: formatPoints },
      { title: "95 % interval", value: ({ low, high }) => formatPointsRange(low, high) },
      { title: verdictTitle(full, rows[0]?.margin), value: ({ verdict }) => verdict },
    ]),
  };
}

type Price = Pick<EvaluatePrice, keyof Cost | "tasks" | "written">;

export function evaluatePriceText(model: string, plans: number, price: Price, look: TextLook = {}): string {
  const { computed, tasks, written, seconds } = price;
  const others = plans === 0 ? "" : ` and ${counted(plans, "plan")}`;
  const table = tableOf(tasks, [
    { title: "task", value: ({ task }) => task, align: "left" },
    { title: "documents", value: ({ documents }) => formatWhole(documents) },
    { title: "tokens", value: ({ run }) => formatWhole(run) },
    { title: "without sharing", value: ({ fed }) => formatWhole(fed) },
    { title: "saved", value: ({ fed, run }) => 1 - run / fed, format: formatShare },
  ]);
  return [
    `${plain(model)}: the full model${others} · ${computedText(computed)}`,
    tablesText([table], look),
    ...written > 0 ? [`writes at most ${formatWhole(written)} tokens`] : [],
    `about ${formatSeconds(seconds)} on this machine ${operations(price)}, ${memory(price)}, ` +
    "if no earlier run has kept results",
  ].join("\n");
}
