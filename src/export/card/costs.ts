/** What a plan costs and gains, as tables of a card: perplexities, scores of tasks, speeds, each with its interval. */
import { cell, code } from "../../entry/mod.ts";
import type { Evaluation } from "../../result/mod.ts";
import { paired } from "../../study/mod.ts";
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
    "Measured on the original with and without these modules; a change of format may add rounding errors.\n",
    "| text | perplexity | without them | rise in loss, nats per token | same most probable token |",
    "| ---- | ---------- | ------------ | ----------------------- | ------------------------ |",
    ...rows,
  ].join("\n");
}

type Metric = Omit<Evaluation["tasks"][string]["metrics"][string], "kept">;

/** Scores of tasks, groups and their average. */
export function tasksText(results: readonly Evaluation[]): string {
  const rows = results.flatMap((result) => {
    const { tasks, groups, average } = result;
    return [
      ...Object.entries(tasks).flatMap(([task, { shots, n, drawn, metrics }]) =>
        Object.entries(metrics).map(([metric, found]) =>
          taskRow(task, `${shots}`, drawn ? `${n} of ${drawn.of}` : `${n}`, metric, found)
        )
      ),
      ...Object.entries(groups).map(([group, found]) =>
        taskRow(group, "–", `${found.n}`, "acc", { ...found, value: found.acc })
      ),
      ...average ? [taskRow("average", "–", "–", "mean", average)] : [],
    ];
  });
  const { provenance: { dtype, engine } } = results[0];
  return [
    `Scores as lm-eval computes them, on the original with and without these modules, in ${code(dtype)} on ` +
    `${code(engine)}; intervals are of 95 %, that of the change from the answers that changed.\n`,
    "| task | shots | documents | metric | with every module | without them | change |",
    "| ---- | ----- | --------- | ------ | ----------------- | ------------ | ------ |",
    ...rows,
  ].join("\n");
}

function taskRow(task: string, shots: string, n: string, metric: string, found: Metric): string {
  const { value, low, high, against } = found;
  const number = metric === "perplexity" ? (one: number) => one.toPrecision(4) : percent;
  const range = low === null || high === null ? "" : ` (${number(low)} to ${number(high)})`;
  const change = against
    ? `${points(against.difference)} (${points(against.low)} to ${points(against.high)})`
    : "–";
  const full = against ? number(value - against.difference) : "–";
  return `| ${cell(task)} | ${shots} | ${n} | ${cell(metric)} | ${full} | ${
    number(value)
  }${range} | ${change} |`;
}

/** How much faster the plan is than the full model. */
export function speedText(speeds: readonly PlanSpeed[]): string {
  const rows = speeds.flatMap(({ result, index }) =>
    result.points.map(({ batch, context, plans }) => {
      const { speedup: { prefill, decode, whole } } = plans[index];
      const times = ({ median, low, high }: typeof prefill) =>
        `${median.toFixed(2)} × (${low.toFixed(2)} to ${high.toFixed(2)})`;
      return `| ${batch} | ${context} | ${times(prefill)} | ${times(decode)} | ${whole.toFixed(2)} × |`;
    })
  );
  const [{ result: { computed, repeat, new: tokens } }] = speeds;
  return [
    `Speed in Lamina beside the full model's, in turns (median and quartiles of ${repeat} rounds), in ${
      code(computed.dtype)
    } on ${code(computed.device ?? computed.engine)}; other software gains other factors.\n`,
    `| texts | tokens read | reading | writing | reading and writing ${tokens} tokens |`,
    "| ----- | ----------- | ------- | ------- | ------------------- |",
    ...rows,
  ].join("\n");
}

const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;
/** A change of a share, in points: "−1.2". */
const points = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(100 * value).toFixed(1)}`;
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
