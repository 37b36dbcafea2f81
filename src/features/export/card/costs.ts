/** What a plan costs and gains, as tables of a card: perplexities, scores of tasks, speeds, each with its interval. */
import { cell, type FileSizes } from "core/entry/mod.ts";
import type { Estimate } from "core/measure/mod.ts";
import { bytesText, fiveText, formatDigits, formatNumber } from "core/show/words/mod.ts";
import type { Evaluation } from "../../evaluate/mod.ts";
import type { PlanSpeed, Quality } from "./measured.ts";

/** The cost on the first text in one line, and a row for each text. */
export function qualityText(qualities: readonly Quality[], files: FileSizes): string {
  const bytes = { before: files.whole ?? files.original, after: files.smaller };
  const rows = qualities.map(({ provenance: { text, packing, dtype, engine }, cost }) => {
    const { kl, kl99, top1, perplexity, rise } = cost;
    const skipped = packing.skip > 0 ? `, the first ${packing.skip} left out` : "";
    const cells = [
      `${cell(text.name)}, ${packing.samples} × ${packing.length} tokens${skipped}, ${cell(dtype)} on ${
        cell(engine)
      }`,
      bytesText(bytes),
      kl ? withEnds(kl, formatNumber) : "–",
      kl99 === null ? "–" : formatNumber(kl99),
      top1 ? withEnds(top1, percent) : "–",
      perplexity.map((value) => formatDigits(value, 4)).join(" → "),
      withEnds(rise, signed),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    `${fiveText({ ...qualities[0].cost, bytes })}.`,
    "",
    "| text | size of the files | mean KLD, nats per token (95 %) | KLD of 99 % of the tokens, nats | " +
    "same first choice (95 %) | perplexity, original → this model | rise of the loss, nats per token (95 %) |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

/** "0.048 (0.045 to 0.051)". */
function withEnds({ value, low, high }: Estimate, write: (value: number) => string): string {
  return `${write(value)}${low === null || high === null ? "" : ` (${write(low)} to ${write(high)})`}`;
}

type Metric = Omit<Evaluation["tasks"][string]["metrics"][string], "kept">;

/** Scores of tasks, groups and their average. */
export function tasksText(results: readonly Evaluation[]): string {
  const rows = results.flatMap(({ tasks, groups, average }) => [
    ...Object.entries(tasks).flatMap(([task, { n, drawn, metrics }]) =>
      Object.entries(metrics).map(([metric, found]) =>
        taskRow(`${task}, ${n}${drawn ? ` of ${drawn.of}` : ""} documents`, metric, found)
      )
    ),
    ...Object.entries(groups).map(([group, { n, acc, ...found }]) =>
      taskRow(`${group}, ${n} documents`, "acc", { ...found, value: acc })
    ),
    ...average ? [taskRow("average", "mean", average)] : [],
  ]);
  const head = ["| task | metric | original | this model (95 %) | change, points (95 %) |"];
  return [...head, "| --- | --- | --- | --- | --- |", ...rows].join("\n");
}

function taskRow(name: string, metric: string, { value, low, high, against }: Metric): string {
  const number = metric === "perplexity" ? (one: number) => one.toPrecision(4) : percent;
  const range = low === null || high === null ? "" : ` (${number(low)} to ${number(high)})`;
  const [full, change] = against
    ? [
      number(value - against.difference),
      `${points(against.difference)} (${points(against.low)} to ${points(against.high)})`,
    ]
    : ["–", "–"];
  return `| ${cell(name)} | ${cell(metric)} | ${full} | ${number(value)}${range} | ${change} |`;
}

/** How much faster the plan is than the full model. */
export function speedText(speeds: readonly PlanSpeed[]): string {
  const rows = speeds.flatMap(({ result, index }) =>
    result.points.map(({ batch, context, plans }) => {
      const { speedup: { prefill, decode, whole } } = plans[index];
      const times = ({ median, low, high }: typeof prefill) =>
        `${median.toFixed(2)} × (${low.toFixed(2)} to ${high.toFixed(2)})`;
      return `| ${batch} × ${context} | ${times(prefill)} | ${times(decode)} | ${whole.toFixed(2)} × |`;
    })
  );
  const [{ result: { computed, new: tokens } }] = speeds;
  const on = cell(computed.device ?? computed.engine);
  const head =
    `| texts × tokens read, on ${on} | reading, times as fast (quartiles) | writing, times as fast (quartiles) | ` +
    `both, ${tokens} tokens written, times as fast |`;
  return [head, "| --- | --- | --- | --- |", ...rows].join("\n");
}

const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;
/** A change of a share, in points: "−1.2". */
const points = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(100 * value).toFixed(1)}`;
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
