/** Benchmark tasks in tables: each task under each plan, next to the full model. */
import type { Evaluation } from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import { formatFixed, formatNumber, formatShare } from "../chart/numbers.ts";
import { describeDrop, modelOf } from "../chart/setting.ts";
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
    const own = [
      task,
      optional(shots, String),
      optional(n, String),
      metric,
      show(value),
      optional(stderr, metric === "perplexity" ? formatNumber : points),
    ];
    const differences = [
      optional(against?.difference, points),
      against ? `${points(against.low)} … ${points(against.high)}` : "–",
      against?.equivalence == null ? "–" : against.equivalence < LEVEL ? "yes" : "no",
    ];
    return isFull ? own : [...own, ...differences];
  });
  const margin = lines.find(({ against }) => against)?.against?.margin;
  const columns = ["task", "shots", "n", "metric", "value", "± s.e."];
  const more = ["change", "95 % interval", margin === undefined ? "equal" : `within ${points(margin)}`];
  const title = isFull ? "full model" : `without ${describeDrop(drop)}`;
  const table = align([isFull ? columns : [...columns, ...more], ...rows], look, [0, 3]);
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
