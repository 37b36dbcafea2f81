/** How far plans lie from the full model while they write: cosines by step, divergences with their expansion, and options of a task. */
import {
  changeTexts,
  mean,
  MODULES,
  planPhrase,
  planText,
  type PredictionMeasure,
} from "../../measure/mod.ts";
import type { Generation } from "../../result/mod.ts";
import { plain } from "../../entry/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import {
  computedText,
  counted,
  formatNumber,
  formatPoints,
  formatShare,
  modelOf,
  modules,
  reading,
  sharedLines,
  textOf,
} from "../words/mod.ts";
import { type Column, fixed, lines, optional, originOf, record, type Table, tableOf } from "./table.ts";

type Plan = Generation["plans"][number];
type Beside = Plan["forced"];
type Value = Beside["means"][PredictionMeasure];

/** The texts that are read, and how they are called. */
const MODES = { forced: "full", free: "own" } as const;
export type Mode = keyof typeof MODES;

/** "SmolLM2-135M (GGUF Q4_1) · 8 prompts of 32 tokens of wiki · 64 tokens written · T = 1 · float32, cpu". */
export function generationSetting({ provenance, tokens, temperature }: Generation): string {
  const { model, packing: { samples, length, bos }, text } = provenance;
  const pieces = text.name === "prompts"
    ? `of at most ${length} tokens`
    : `of ${length} tokens of ${textOf(text)}`;
  return [
    modelOf(model),
    `${counted(samples, "prompt")} ${pieces}${bos ? ", each after BOS" : ""}`,
    `${counted(tokens, "token")} written`,
    `T = ${temperature}`,
    computedText(provenance),
  ].join(" · ");
}

/** What plans are called: by how many modules they drop and what they change, or by layers where two plans drop as many. */
export function planLabels({ plans }: Generation): string[] {
  const labels = plans.map(({ drop }) => {
    const dropped = MODULES.filter((kind) => drop[kind].length > 0).map((kind) =>
      modules(kind, drop[kind].length)
    );
    return [...dropped, ...changeTexts(drop)].join(", ") || planText(drop);
  });
  return plans.map(({ drop }, i) =>
    labels.filter((other) => other === labels[i]).length > 1 ? planText(drop) : labels[i]
  );
}

/** A number with its interval: "0.164 (0.13 to 0.204)"; null where it is undefined. */
function withEnds(found: Value, format: (value: number) => string): string | null {
  if (found === null) return null;
  const { value, low, high } = found;
  return low === null || high === null
    ? format(value)
    : `${format(value)} (${format(low)} to ${format(high)})`;
}

export function stepsOf({ plans }: Generation, mode: Mode): number {
  return Math.max(0, ...plans.map((plan) => plan[mode].steps.findLastIndex(({ texts }) => texts > 0) + 1));
}

interface Line extends Row {
  readonly plan: Plan;
  readonly mode: Mode;
}

/** A row of a table: what is held against the full model, and the text that it reads. */
interface Row extends Beside {
  readonly label: string;
  readonly text: string;
}

/** The full model on another prompt's text: a row below those of plans; none for a single prompt. */
const unrelatedRows = ({ unrelated }: Generation): Row[] =>
  unrelated ? [{ label: "full model", text: "other", ...unrelated }] : [];

function linesOf(result: Generation): Line[] {
  const labels = planLabels(result);
  const modes = Object.keys(MODES) as Mode[];
  return result.plans.flatMap((plan, i) =>
    modes.map((mode) => ({ plan, label: labels[i], mode, text: MODES[mode], ...plan[mode] }))
  );
}

const PLAN: Column<{ readonly label: string }> = {
  title: "plan",
  value: ({ label }) => label,
  align: "left",
};
const TEXT: Column<Row> = { title: "text", value: ({ text }) => text, align: "left" };

export function generationTables(result: Generation): Table[] {
  const all = linesOf(result);
  const named = planLabels(result).map((label, i) => `${label}: ${planPhrase(result.plans[i].drop)}`);
  return [
    lines(
      `generation of ${generationSetting(result)}`,
      ...named,
      "full: both read the full model's text; own: each reads its own; other: the full model reads the next prompt's text",
    ),
    cosineTable(result, all),
    ...divergenceTables(all),
    lines(
      undefined,
      "KL: nats, from the full model's probabilities p; Var/2: half the variance of the logits' change under p, and under p²",
      "slope: of KL, or of 1 − cos, against that variance over the steps; 1 where the expansion to second order is exact",
      "in brackets: 95 % intervals over the prompts",
    ),
    ...choiceTables(result),
    ...sharedLines([result]).map((line) => lines(undefined, line)),
  ];
}

/** Cosines at the first, the middle and the last step that a text reaches. */
function cosineTable(result: Generation, all: readonly Line[]): Table {
  const last = Math.max(stepsOf(result, "forced"), 1) - 1;
  const shown = [...new Set([0, last >> 1, last])];
  const at = (name: "hidden" | "logits" | "probabilities"): Column<Row> => ({
    title: name,
    value: ({ steps }) => shown.map((step) => optional(steps[step][name]?.value, fixed(3))).join(" "),
  });
  const steps = shown.map((step) => step + 1).join(", ");
  const same = all.filter(({ mode }) => mode === "free").map(({ plan, label }) =>
    `${label} ${formatShare(plan.same[last])}`
  );
  return {
    note: `mean cosine with the full model at ${shown.length > 1 ? "steps" : "step"} ${steps}`,
    ...tableOf([...all, ...unrelatedRows(result)], [
      PLAN,
      TEXT,
      at("hidden"),
      at("logits"),
      at("probabilities"),
    ]),
    notes: [
      `share of prompts with the same ${counted(last + 1, "token")} as the full model's: ${same.join(", ")}`,
    ],
  };
}

/** KL and 1 − cos, each beside the variance that it tends to. */
function divergenceTables(all: readonly Line[]): Table[] {
  return ([["kl", "KL", "variance"], ["distance", "1 − cos", "squares"]] as const).map((
    [name, title, variance],
  ) =>
    tableOf(all, [
      PLAN,
      TEXT,
      { title, value: ({ means }) => withEnds(means[name], formatNumber) },
      {
        title: name === "kl" ? "Var/2" : "Var/2, p²",
        value: ({ means }) => optional(means[variance]?.value, formatNumber),
      },
      { title: "slope", value: ({ slopes }) => withEnds(slopes[name], fixed(2)) },
    ])
  );
}

function choiceTables(result: Generation): Table[] {
  const { plans, task } = result;
  if (!task) return [];
  const labels = planLabels(result);
  const rows = plans.flatMap(({ choices }, i) => choices ? [{ label: labels[i], ...choices }] : []);
  const left = task.leftOut > 0 ? `, ${task.leftOut} left out whose options do not part` : "";
  return [{
    note: reading`${counted(task.documents, "document")} of ${plain(task.name)}, at the token in which the
      options part${left}`,
    ...tableOf(rows, [
      PLAN,
      { title: "KL, all tokens", value: ({ vocabulary }) => withEnds(vocabulary.kl, formatNumber) },
      { title: "KL, options", value: ({ options }) => withEnds(options.kl, formatNumber) },
      { title: "same token, %", value: ({ sameToken }) => withEnds(sameToken, formatPoints) },
      { title: "same option, %", value: ({ sameOption }) => withEnds(sameOption, formatPoints) },
    ]),
    notes: [
      "options: probabilities of the options' tokens alone, made to sum to 1",
      "same token, same option: share of documents at which the most probable one is the full model's",
      "in brackets: 95 % intervals over the documents",
    ],
  }];
}

/** A row for each plan, text and step that a text reaches. */
export function generationRows(result: Generation): CsvRow[] {
  const { provenance, tokens, temperature } = result;
  return linesOf(result).flatMap(({ plan, mode, steps, texts }) =>
    steps.flatMap((found, i): CsvRow[] => {
      if (found.texts === 0) return [];
      const cosine = (name: "hidden" | "logits" | "probabilities") => (
        { [name]: found[name]?.value, [`${name}_low`]: found[name]?.low, [`${name}_high`]: found[name]?.high }
      );
      const average = (name: "kl" | "variance" | "distance" | "squares") => (
        { [name]: mean(texts.flatMap((text) => text[name].slice(i, i + 1))) }
      );
      return [record({
        ...{ ...originOf(provenance), tokens, temperature, plan: planText(plan.drop) },
        ...{ text_of: mode === "forced" ? "full model" : "plan", step: i + 1, texts: found.texts },
        ...{ ...cosine("hidden"), ...cosine("logits"), ...cosine("probabilities") },
        ...{ ...average("kl"), ...average("variance"), ...average("distance"), ...average("squares") },
        same: mode === "free" ? plan.same[i] : null,
      })];
    })
  );
}
