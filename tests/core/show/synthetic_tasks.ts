/** Evaluations made up for tests: two tasks of forty documents, fewer of them right the more is dropped. */
import { meanInterval, shareInterval } from "core/measure/mod.ts";
import { accuracyChange, evaluateKind, type Evaluation } from "features/evaluate/mod.ts";
import { head, isTypeOrder, type Plan, planKind } from "core/result/mod.ts";
import { provenance } from "./synthetic.ts";

const DOCUMENTS = 40;
const TASKS = { piqa: 2, arc_easy: 4 };

/** A plan that drops the first modules of a target. */
export function plan(target: "attention" | "mlp", dropped: number, by: Plan["by"] = "importance"): Plan {
  const layers = Array.from({ length: dropped }, (_, i) => i);
  return {
    ...head(planKind),
    model: "tiny",
    layers: 12,
    target,
    by,
    seed: by === "random" ? 0 : null,
    attention: target === "attention" ? layers : [],
    mlp: target === "mlp" ? layers : [],
    order: layers.map((layer) => ({ module: target, layer, score: null })),
  };
}

/** An evaluation in which `right` of a task's documents are answered right, the first ones. */
export function evaluation(right: number, drop: Plan | Record<never, never> = {}): Evaluation {
  const { attention = [], mlp = [], target, by, seed, order = [] } = drop as Partial<Plan>;
  const isFull = attention.length + mlp.length === 0;
  const task = (choices: number): Evaluation["tasks"][string] => {
    const value = right / DOCUMENTS;
    const stderr = Math.sqrt(value * (1 - value) / (DOCUMENTS - 1));
    const share = shareInterval(right, DOCUMENTS);
    const against = isFull ? null : { difference: -0.25, low: -0.5, high: 0 };
    return {
      ...{ version: "1", shots: 0, n: DOCUMENTS, acc: value, kl: 0, top1: 1, ece: 0, cut: 0 },
      metrics: { acc: { stderr, ...share, against: null, kept: isFull ? null : share } },
      logprob: { value: -1, low: -1.125, high: -0.875, against },
      items: Array.from({ length: DOCUMENTS }, (_, index) => ({
        index,
        hash: String(index),
        loglikelihoods: Array.from({ length: choices }, (_, i) => -1 - i),
        greedy: Array.from({ length: choices }, () => false),
        tokens: Array.from({ length: choices }, () => 1),
        ...{ acc: Number(index < right), gold: 0, text: null, kl: 0, top1: 1, cut: 0 },
      })),
    };
  };
  return {
    ...head(evaluateKind),
    provenance: provenance({ layers: 12, attention, mlp, text: "piqa, arc_easy" }),
    bos: "tokenizer",
    seed: 1234,
    tasks: Object.fromEntries(Object.entries(TASKS).map(([name, choices]) => [name, task(choices)])),
    groups: {},
    average: null,
    writing: null,
    ...target && target !== "types" && by && !isTypeOrder(by)
      ? { order: { target, by, seed: seed ?? null, dropped: order.length } }
      : {},
  };
}

/** A plan's evaluation beside the full model's: in each task, and in their mean. */
export function compared(
  right: number,
  full: Evaluation,
  drop: Parameters<typeof evaluation>[1],
): Evaluation {
  const result = evaluation(right, drop);
  const against = accuracyChange(result, full);
  for (const { metrics } of Object.values(result.tasks)) metrics.acc.against = against;
  const share = shareInterval(right, DOCUMENTS);
  const { stderr } = result.tasks.piqa.metrics.acc;
  const average = { of: ["piqa acc", "arc_easy acc"], stderr, ...meanInterval([share, share]), against };
  return { ...result, average };
}

/** Evaluations of several plans, the full model's first. */
export const evaluations = (): Evaluation[] => [
  evaluation(32),
  evaluation(32, plan("attention", 4)),
  evaluation(32, plan("attention", 2)),
  evaluation(24, plan("attention", 4, "random")),
  evaluation(20, plan("mlp", 2)),
  evaluation(16, plan("mlp", 4)),
];
