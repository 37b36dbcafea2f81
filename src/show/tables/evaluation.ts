/** Benchmark tasks in tables: each task under each plan, next to the full model. */
import { documentsNeeded } from "../../measure/mod.ts";
import type { Computed, Evaluation } from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import {
  formatFixed,
  formatNumber,
  formatPoints,
  formatPointsRange,
  formatSeconds,
  formatShare,
} from "../chart/numbers.ts";
import { computedText, describeDrop, modelOf } from "../chart/setting.ts";
import { plain } from "../../entry/mod.ts";
import { origin } from "./rows.ts";
import { align, optional, style, type TextLook } from "./table.ts";

/** A task, group or the average: a row of the table. */
interface Line {
  readonly task: string;
  readonly shots: number | null;
  readonly n: number | null;
  readonly metric: string;
  readonly value: number;
  readonly errors: Omit<Evaluation["tasks"][string]["metrics"][string], "value">;
}

/** Every metric of every task, then groups, then the average; of a group's tasks the group alone if `whole`. */
function linesOf({ tasks, groups, average }: Evaluation, whole: boolean): Line[] {
  const inGroups = new Set(whole ? Object.values(groups).flatMap((group) => group.tasks) : []);
  return [
    ...Object.entries(tasks).filter(([task]) => !inGroups.has(task)).flatMap((
      [task, { shots, n, metrics }],
    ) =>
      Object.entries(metrics).map(([metric, { value, ...errors }]) => ({
        task,
        shots,
        n,
        metric,
        value,
        errors,
      }))
    ),
    ...Object.entries(groups).map(([name, { n, acc, tasks: [first], ...errors }]) => ({
      task: name,
      shots: tasks[first].shots,
      n,
      metric: "acc",
      value: acc,
      errors,
    })),
    ...average ? [averageLine(average)] : [],
  ];
}

function averageLine({ value, of: _, ...errors }: NonNullable<Evaluation["average"]>): Line {
  return { task: "average", shots: null, n: null, metric: "mean", value, errors };
}

/** Evaluations of one model under several plans. */
export function evaluationTable(results: readonly Evaluation[], look: TextLook = {}): string {
  if (results.length === 0) return "";
  const [{ provenance, bos }] = results;
  const head = style(look, 1)(
    `${modelOf(provenance.model)} · lm-eval's tasks, BOS: ${bos} · ${provenance.dtype}, ${provenance.engine}`,
  );
  return [head, ...results.map((result) => planTable(result, look))].join("\n\n");
}

function planTable(result: Evaluation, look: TextLook): string {
  const { drop } = result.provenance;
  const lines = linesOf(result, true);
  const isFull = describeDrop(drop) === "nothing";
  const rows = lines.map(({ task, shots, n, metric, value, errors: { low, high, against } }) => {
    const isShare = metric !== "perplexity";
    const interval = low === null || high === null
      ? "–"
      : isShare
      ? formatPointsRange(low, high)
      : `${formatNumber(low)} … ${formatNumber(high)}`;
    const [shown, ...own] = [task, metric, isShare ? formatShare(value) : formatNumber(value), interval];
    if (isFull) return [shown, optional(shots, String), optional(n, String), ...own];
    return [
      shown,
      ...own,
      optional(against?.difference, formatPoints),
      against ? formatPointsRange(against.low, against.high) : "–",
      against?.verdict ?? "–",
    ];
  });
  const margin = lines.find(({ errors: { against } }) => against)?.errors.against?.margin;
  const equal = margin === undefined ? "equal" : `within ${formatPoints(margin)}`;
  const columns = isFull
    ? ["task", "shots", "n", "metric", "value", "95 % interval"]
    : ["task", "metric", "value", "95 % interval", "change", "95 % interval", equal];
  const title = isFull ? "full model" : `without ${describeDrop(drop)}`;
  const table = align([columns, ...rows], look, [0, isFull ? 3 : 1]);
  return [title, table, ...marginNote(lines), ...notesOf(result, isFull)].join("\n");
}

/** What it would take to tell, where some line cannot. */
function marginNote(lines: readonly Line[]): string[] {
  const unsure = lines.find(({ errors: { against } }) => against?.verdict === "cannot tell");
  if (!unsure) return [];
  const { margin } = unsure.errors.against!;
  return [
    `cannot tell: the interval extends beyond ${formatPoints(margin)} points; even if no answer changes, ` +
    `a task needs ${formatNumber(documentsNeeded(margin))} documents to show a change within them`,
  ];
}

/** What likelihoods hide: how far the words are from the full model's, how sure, and how it writes. */
function notesOf({ tasks, writing }: Evaluation, isFull: boolean): string[] {
  const all = Object.values(tasks);
  const weighted = (key: "kl" | "top1" | "ece") => {
    const known = all.filter((task) => task[key] !== null);
    const n = known.reduce((sum, task) => sum + task.n, 0);
    return n === 0 ? null : known.reduce((sum, task) => sum + task.n * task[key]!, 0) / n;
  };
  const notes: string[] = [];
  const [kl, top1, ece] = [weighted("kl"), weighted("top1"), weighted("ece")];
  if (!isFull && kl !== null) {
    notes.push(
      `KL ${formatFixed(kl, 4)} nats per scored token, same top-1 token ${optional(top1, formatShare)}`,
    );
  }
  if (ece !== null) notes.push(`calibration error ${formatFixed(ece, 3)}`);
  if (writing) {
    const parted = writing.divergence.filter((step) => step !== null).sort((a, b) => a - b);
    const repeated = writing.repetition.reduce((sum, share) => sum + share, 0) / writing.prompts;
    const middle = parted[Math.floor(parted.length / 2)];
    if (!isFull) {
      notes.push(
        parted.length === 0
          ? `writes the same as the full model in ${writing.prompts} texts of ${writing.tokens} tokens`
          : `differs from the full model in ${parted.length} of ${writing.prompts} texts it writes, from token ${middle} on (median)`,
      );
    }
    notes.push(`${formatShare(repeated)} of the 4-grams it writes are repeats`);
  }
  return notes;
}

/** A row a metric of a task, the groups and the average after them. */
export function evaluationRows(results: readonly Evaluation[]): CsvRow[] {
  return results.flatMap((result) =>
    linesOf(result, false).map(({ task, shots, n, metric, value, errors: { against, ...errors } }) => ({
      ...origin(result.provenance),
      dropped: describeDrop(result.provenance.drop),
      task,
      shots,
      n,
      metric,
      value,
      stderr: errors.stderr,
      value_low: errors.low,
      value_high: errors.high,
      change: against?.difference ?? null,
      low: against?.low ?? null,
      high: against?.high ?? null,
      equivalence: against?.equivalence ?? null,
      margin: against?.margin ?? null,
      verdict: against?.verdict ?? null,
      kl: result.tasks[task]?.kl ?? null,
      top1: result.tasks[task]?.top1 ?? null,
      ece: result.tasks[task]?.ece ?? null,
    }))
  );
}

/** What an evaluation would take. */
interface Price {
  readonly computed: Computed;
  readonly tasks: readonly { task: string; documents: number; fed: number; run: number }[];
  readonly flops: number;
  readonly written: number;
  readonly seconds: number;
  readonly bytes: number;
}

/** Says it in words. */
export function evaluatePriceText(
  model: string,
  plans: number,
  { computed, tasks, flops, written, seconds, bytes }: Price,
  look: TextLook = {},
): string {
  const many = (count: number) => count.toLocaleString("en-US");
  const rows = tasks.map(({ task, documents, fed, run }) => [
    task,
    many(documents),
    many(fed),
    many(run),
    formatShare(1 - run / fed),
  ]);
  const others = plans === 0 ? "" : ` and ${plans} plan${plans === 1 ? "" : "s"}`;
  return [
    `${plain(model)}: the full model${others} · ${computedText(computed)}`,
    align([["task", "documents", "tokens", "without sharing", "saved"], ...rows], look, [0]),
    ...written > 0 ? [`writes at most ${many(written)} tokens`] : [],
    `about ${formatSeconds(seconds)} on this machine (${formatFixed(flops / 1e12, 2)} TFLOP), ${
      formatFixed(bytes / 2 ** 20, 0)
    } MiB of memory, if no earlier run has kept results`,
  ].join("\n");
}
