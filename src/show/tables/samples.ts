/** Two models' answers to the same documents, as another tool logged them. */
import { type SamplesComparison, samplesName } from "../../result/mod.ts";
import { formatNumber, formatPoints, formatPointsRange, formatShare, formatWhole } from "../words/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import { type Column, type Table, tableOf } from "./table.ts";

type Row = SamplesComparison["tasks"][number];

export function samplesTable({ names, tasks, average, apart }: SamplesComparison): Table {
  const rows: (Partial<Row> & Pick<Row, "task" | "change">)[] = [
    ...tasks,
    ...average ? [{ task: "average", change: average }] : [],
  ];
  const share = (side: 0 | 1): Column<(typeof rows)[number]> => ({
    title: "AB"[side],
    value: ({ accuracy }) => accuracy && formatShare(accuracy[side]),
  });
  return {
    title: `A: ${names[0]}   B: ${names[1]}`,
    ...tableOf(rows, [
      { title: "task", value: samplesName, align: "left" },
      { title: "metric", value: ({ metric }) => metric, align: "left" },
      { title: "n", value: ({ change }) => formatWhole(change.n) },
      share(0),
      share(1),
      { title: "change", value: ({ change }) => change.difference, format: formatPoints },
      { title: "95 % interval", value: ({ change: { low, high } }) => formatPointsRange(low, high) },
      { title: "gained", value: ({ gained }) => gained },
      { title: "lost", value: ({ lost }) => lost },
      { title: "p", value: ({ mcnemar }) => mcnemar, format: (p) => formatNumber(p as number) },
      { title: `within ${formatPoints(tasks[0].change.margin)}`, value: ({ change }) => change.verdict },
    ]),
    notes: [
      "change: B minus A in points, over the same documents; gained, lost: documents that only B answers right, only A; p: McNemar's exact test",
      ...Object.entries(apart).flatMap(([task, own]) => notesOf(task, own)),
    ],
  };
}

function notesOf(task: string, { only, prompts, metrics }: SamplesComparison["apart"][string]): string[] {
  const [a, b] = only.map(formatWhole);
  return [
    only.some((count) => count > 0) &&
    `${task}: left out ${a} documents that only A has, and ${b} that only B has`,
    prompts > 0 && `${task}: prompts differ in ${formatWhole(prompts)} documents`,
    metrics.length > 0 && `${task}: left out ${metrics.join(", ")}, not 0 or 1 for every document`,
  ].filter((note) => typeof note === "string");
}

export function samplesRows({ names: [a, b], tasks }: SamplesComparison): CsvRow[] {
  return tasks.map(({ task, filter, metric, accuracy, stderr, gained, lost, mcnemar, change }) => {
    const { n, difference, low, high, equivalence, margin, verdict } = change;
    return {
      ...{ a, b, task, filter, metric, n, accuracy_a: accuracy[0], accuracy_b: accuracy[1] },
      ...{ stderr_a: stderr[0], stderr_b: stderr[1], gained, lost, mcnemar },
      ...{ change: difference, low, high, equivalence, margin, verdict },
    };
  });
}
