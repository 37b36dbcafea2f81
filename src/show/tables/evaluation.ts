/** Benchmark tasks in tables: each task under each plan, next to the full model. */
import type { Computed, Evaluation } from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import { formatFixed, formatNumber, formatSeconds, formatShare } from "../chart/numbers.ts";
import { computedText, describeDrop, modelOf } from "../chart/setting.ts";
import { plain } from "../plain.ts";
import { origin } from "./rows.ts";
import { align, optional, style, type TextLook } from "./table.ts";

/** Below it, a test counts. */
const LEVEL = 0.05;

/** A task, group or the average: a row of the table. */
interface Line {
  readonly task: string;
  readonly shots: number | null;
  readonly n: number | null;
  readonly metric: string;
  readonly value: number;
  readonly stderr: number | null;
  readonly against: Evaluation["tasks"][string]["metrics"][string]["against"];
}

/** Every metric of every task, then groups, then the average; of a group's tasks the group alone if `whole`. */
function linesOf({ tasks, groups, average }: Evaluation, whole: boolean): Line[] {
  const inGroups = new Set(whole ? Object.values(groups).flatMap((group) => group.tasks) : []);
  return [
    ...Object.entries(tasks).filter(([task]) => !inGroups.has(task)).flatMap((
      [task, { shots, n, metrics }],
    ) =>
      Object.entries(metrics).map(([metric, { value, stderr, against }]) => ({
        task,
        shots,
        n,
        metric,
        value,
        stderr,
        against,
      }))
    ),
    ...Object.entries(groups).map(([task, { n, acc, stderr, tasks: [first] }]) => ({
      task,
      shots: tasks[first].shots,
      n,
      metric: "acc",
      value: acc,
      stderr,
      against: null,
    })),
    ...average
      ? [{
        task: "average",
        shots: null,
        n: null,
        metric: "mean",
        value: average.value,
        stderr: average.stderr,
        against: null,
      }]
      : [],
  ];
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
  const isFull = drop.attention.length + drop.mlp.length === 0;
  const rows = lines.map(({ task, shots, n, metric, value, stderr, against }) => {
    const show = metric === "perplexity" ? formatNumber : formatShare;
    const error = optional(stderr, metric === "perplexity" ? formatNumber : points);
    if (isFull) return [task, optional(shots, String), optional(n, String), metric, show(value), error];
    return [
      task,
      metric,
      show(value),
      error,
      optional(against?.difference, points),
      against ? `${points(against.low)} … ${points(against.high)}` : "–",
      against?.equivalence == null ? "–" : against.equivalence < LEVEL ? "yes" : "no",
    ];
  });
  const margin = lines.find(({ against }) => against)?.against?.margin;
  const equal = margin === undefined ? "equal" : `within ${points(margin)}`;
  const columns = isFull
    ? ["task", "shots", "n", "metric", "value", "± s.e."]
    : ["task", "metric", "value", "± s.e.", "change", "95 % interval", equal];
  const title = isFull ? "full model" : `without ${describeDrop(drop)}`;
  const table = align([columns, ...rows], look, [0, isFull ? 3 : 1]);
  return [title, table, ...notesOf(result, isFull)].join("\n");
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
      `KL ${formatFixed(kl, 4)} nats per scored token, same first choice ${optional(top1, formatShare)}`,
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
          ? `writes as the full model does, ${writing.prompts} texts of ${writing.tokens} tokens`
          : `writes otherwise in ${parted.length} of ${writing.prompts} texts, from token ${middle} on (median)`,
      );
    }
    notes.push(`repeats itself in ${formatShare(repeated)} of the 4-grams that it writes`);
  }
  return notes;
}

/** Points of a share: 0.012 → "1.2". */
const points = (share: number) => formatFixed(100 * share, 1);

/** A row a metric of a task, the groups and the average after them. */
export function evaluationRows(results: readonly Evaluation[]): CsvRow[] {
  return results.flatMap((result) =>
    linesOf(result, false).map(({ task, shots, n, metric, value, stderr, against }) => ({
      ...origin(result.provenance),
      dropped: describeDrop(result.provenance.drop),
      task,
      shots,
      n,
      metric,
      value,
      stderr,
      change: against?.difference ?? null,
      low: against?.low ?? null,
      high: against?.high ?? null,
      equivalence: against?.equivalence ?? null,
      margin: against?.margin ?? null,
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
    align([["task", "documents", "tokens", "without what is shared", "saved"], ...rows], look, [0]),
    ...written > 0 ? [`at most ${many(written)} tokens are written`] : [],
    `about ${formatSeconds(seconds)} on this machine (${formatFixed(flops / 1e12, 2)} TFLOP), ${
      formatFixed(bytes / 2 ** 20, 0)
    } MiB of memory, if nothing is kept from an earlier run`,
  ].join("\n");
}
