/** What a plan costs and gains, as tables of a card: perplexities, scores of tasks, speeds, each with its interval. */
import { cell } from "core/entry/mod.ts";
import type { Evaluation } from "../../evaluate/mod.ts";
import { paired } from "../../losses/mod.ts";
import type { PlanSpeed, Quality } from "./measured.ts";

export function perplexityText(costs: readonly Quality[]): string {
  const rows = costs.map(({ full, dropped }) => {
    const { text, packing, dtype, engine } = dropped.provenance;
    const { rise, low, high } = paired(dropped, full);
    const interval = low === null ? "" : ` (95 %: ${signed(low)} to ${signed(high!)})`;
    return `| ${cell(text.name)}, ${packing.samples} × ${packing.length} tokens${
      packing.skip > 0 ? `, the first ${packing.skip} left out` : ""
    }, ${cell(dtype)} on ${cell(engine)} | ` +
      `${full.perplexity.toPrecision(4)} | ${dropped.perplexity.toPrecision(4)} | ` +
      `${signed(rise)}${interval} | ${percent(dropped.top1)} |`;
  });
  return [
    "| text | original | this model | rise in loss, nats per token (95 %) | same most probable token |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
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
  const head = ["| task | metric | original | this model (95 %) | change (95 %) |"];
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
    `| texts × tokens read, on ${on} | reading (quartiles) | writing (quartiles) | both, ${tokens} tokens written |`;
  return [head, "| --- | --- | --- | --- |", ...rows].join("\n");
}

const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;
/** A change of a share, in points: "−1.2". */
const points = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(100 * value).toFixed(1)}`;
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
